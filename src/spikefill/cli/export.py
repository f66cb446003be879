"""``spikefill export``: a model as a file that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefill.cli import console
from spikefill.cli.choices import at_least_one
from spikefill.errors import InputError, check_choice

_FORMATS = ("onnx", "nir")


def export(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="onnx|nir",
            help="onnx: the whole network, for any runtime. nir: its spiking layers, for spiking libraries and chips.",
        ),
    ] = "onnx",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|RUN_DIR",
            help="The model to export.  [default: the default model]",
            envvar="SPIKEFILL_MODEL",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="NIR: only this part of the network, such as 'spiking' of scnn."),
    ] = None,
    size: Annotated[int, typer.Option(metavar="N", help="NIR: the graph is for images of N x N px.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write a model as ONNX or NIR.

    Of ONNX, says how far ONNX Runtime's result for a photograph is from torch's.
    """
    from spikefill import files, models

    check_choice("--format", kind, _FORMATS)
    at_least_one("--size", size)
    if layer is not None and kind != "nir":
        raise InputError(f"--layer is {layer!r}; it goes with --format nir")
    files.refuse_existing(output, overwrite=overwrite)
    reference = model or models.DEFAULT
    network = models.read(reference)
    released = models.released(reference)
    name = models.resolved(Path(reference).name.removesuffix(".safetensors"))
    licence = "" if released is None else released.licence
    try:
        if kind == "onnx":
            _write_onnx(network, output, name, licence, overwrite=overwrite)
        else:
            _write_nir(network, output, name, licence, layer, size, overwrite=overwrite)
    except ModuleNotFoundError as error:
        raise InputError(f"export needs {error.name}; install it with: pip install 'spikefill[export]'") from error


def _write_onnx(network: Any, output: Path, name: str, licence: str, *, overwrite: bool) -> None:
    from spikefill.export import agreement, onnx

    exported = onnx.to_onnx(network, name=name, licence=licence)
    onnx.write(exported, output, overwrite=overwrite)
    typer.echo(f"{output}: {name}, {output.stat().st_size / 1e6:.1f} MB")
    console.note(f"comparing with torch on {agreement.PHOTOGRAPH}")
    found = agreement.compare_on_photograph(network, output)
    for what, one in (("ONNX Runtime", found.onnx), ("torch in double precision", found.double)):
        typer.echo(
            f"{what} and torch: {100 * one.everywhere:.2f} % of all values and {100 * one.in_holes:.2f} % of those in "
            f"holes are within {agreement.CLOSE:g}; PSNR {one.psnr:.3f} and {found.psnr:.3f} dB"
        )


def _write_nir(
    network: Any, output: Path, name: str, licence: str, layer: str | None, size: int, *, overwrite: bool
) -> None:
    from spikefill.export import nir

    graph = nir.to_nir(network, (3, size, size), layer=layer, name=name, licence=licence)
    nir.write(graph, output, overwrite=overwrite)
    typer.echo(f"{output}: {name}, {', '.join(graph.nodes)}")
