"""``spikefill data``: photographs packed into shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spikefill.cli import console

if TYPE_CHECKING:
    from spikefill.data.shards import Index


def shard(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DIR|embedded",
            help="Folder of photographs, or LSDIR's as it is downloaded, unpacked or not.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="DIR|ADDRESS", help="Where to: a folder, or such as s3://b/shards.")
    ],
    megabytes: Annotated[int, typer.Option(metavar="N", help="About how large a shard may be.")] = 128,
    shorter_side: Annotated[
        int | None,
        typer.Option(metavar="N", help="Reduce larger photographs to this, as JPEG.  [default: files as they are]"),
    ] = None,
    part: Annotated[str, typer.Option(metavar="train|val|all", help="Which photographs, where lists tell.")] = "train",
) -> int:
    """Pack photographs into shards, as WebDataset reads them: few large files in place of many small ones.

    Train with them by --data. After an interruption the same command goes on.
    """
    from spikefill import data
    from spikefill.errors import check_choice
    from spikefill.stop import StopRequest

    check_choice("--part", part, ("train", "val", "all"))
    left_out = 0

    def complain(name: str, problem: str) -> None:
        nonlocal left_out
        left_out += 1
        console.problem(f"{name} {problem}; it is left out")

    def tell(index: Index) -> None:
        last = index.shards[-1]
        console.note(f"{last.name}: {len(last.entries)} photographs, {last.bytes / 1e6:.1f} MB")

    stop = StopRequest()
    with stop.watched():
        index = data.write_shards(
            source,
            output,
            megabytes=megabytes,
            shorter_side=shorter_side,
            part=part,
            on_problem=complain,
            on_shard=tell,
            stop=lambda: stop.made,
        )
    size = sum(shard.bytes for shard in index.shards) / 1e6
    count = len(index.shards)
    typer.echo(
        f"{output}: {index.photographs} photographs in {count} shard{'' if count == 1 else 's'}, {size:.1f} MB; "
        f"use them: spikefill train --data {output}"
    )
    return 1 if left_out else 0
