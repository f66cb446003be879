"""``spikefill doctor``: what is installed, what the machine offers, and whether restoring works."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikefill._version import __version__
from spikefill.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# What restoring imports, by the name of the package that brings it.
_NEEDED = {
    "torch": "torch",
    "numpy": "numpy",
    "numba": "numba",
    "opencv-contrib-python-headless": "cv2",
    "pillow": "PIL",
    "safetensors": "safetensors",
    "platformdirs": "platformdirs",
    "rich": "rich",
    "typer": "typer",
}
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|KEY", re.IGNORECASE)
_EMPTY_IT = "spikefill doctor --empty-cache"


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    empty_cache: Annotated[
        bool, typer.Option("--empty-cache", help="Delete what Spikefill keeps to be quicker the next time.")
    ] = False,
) -> int:
    """Show versions, device, threads, models, extras and the cache, and try to restore a few pixels.

    Exit code 1 if something that restoring needs is broken; the last lines then say what to do.
    """
    from spikefill import cache

    problems: list[str] = []
    packages = _packages(problems)
    facts: dict[str, Any] = {
        "spikefill": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": packages,
        "extras": _extras(),
    }
    if packages["torch"] is not None:
        facts |= {"device": _device(), "threads": _threads()}
    if None not in packages.values():
        facts["models"] = _models(problems)
        if not problems:
            _try_to_restore(problems)
        facts["cache"] = _cache(problems)
    facts["variables"] = _variables()
    facts["problems"] = problems

    typer.echo(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))
    if empty_cache and "cache" in facts:
        cache.empty()
        console.note("emptied the cache and deleted the compiled kernels; the next restoration makes them again")
    return 1 if problems else 0


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _packages(problems: list[str]) -> dict[str, str | None]:
    """Versions of what restoring needs, None where it cannot be imported."""
    versions: dict[str, str | None] = {}
    for package, module in _NEEDED.items():
        try:
            found = importlib.import_module(module)
        except Exception as error:  # a broken binary raises anything
            versions[package] = None
            problems.append(f"{package} cannot be imported ({error}); do: pip install --force-reinstall {package}")
        else:
            versions[package] = str(getattr(found, "__version__", None) or _version(package) or "unknown")
    return versions


def _extras() -> dict[str, list[str]]:
    """The packages that are missing for each extra; an extra without any is installed.

    Requirements that hold for some Python versions or systems only are left out.
    """
    try:
        requirements = importlib.metadata.requires("spikefill") or []
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return {}
    missing: dict[str, list[str]] = {}
    for requirement in requirements:
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if extra is None or name is None:
            continue
        absent = missing.setdefault(extra[1], [])
        if " and " not in requirement and _version(name[0]) is None:
            absent.append(name[0])
    return missing


def _device() -> dict[str, Any]:
    import torch

    from spikefill.machine import processor

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {"cpu": processor(), "cuda": gpus if torch.cuda.is_available() else []}


def _threads() -> dict[str, int]:
    import torch

    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"torch": torch.get_num_threads(), "cores": available or 1}


def _models(problems: list[str]) -> dict[str, Any]:
    from spikefill import models

    bundled: dict[str, int | None] = {}
    for name in models.BUNDLED:
        try:
            models.read(name)
            bundled[name] = models.weights_file(name).stat().st_size
        except (ValueError, OSError) as error:
            bundled[name] = None
            problems.append(f"{error}; do: pip install --force-reinstall --no-deps spikefill")
    return {"default": models.resolved(models.DEFAULT), "bundled": bundled}


def _try_to_restore(problems: list[str]) -> None:
    """Restores a few pixels, which loads or compiles the kernels; the known ones must stay as they are."""
    import numpy as np

    import spikefill

    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    mask = np.zeros((24, 24), bool)
    mask[8:16, 8:16] = True
    try:
        restored = spikefill.inpaint(image, mask)
    except Exception as error:  # whatever it is, it is what the person came to see
        problems.append(f"restoring failed ({type(error).__name__}: {error}); please report it with all of this")
    else:
        if not np.array_equal(restored[~mask], image[~mask]):
            problems.append("restoring changed known pixels; please report it with all of this")


def _cache(problems: list[str]) -> dict[str, Any]:
    from spikefill import cache

    folder = cache.cache_folder()
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        problems.append(f"the cache folder {folder} cannot be written; set {cache.VARIABLE} to a folder that can")
    return {
        "folder": str(folder),
        "bytes": cache.size(cache.cached_files()),
        "compiled_kernels_bytes": cache.size(cache.compiled_kernels()),
        "empty_it": _EMPTY_IT,
    }


def _variables() -> dict[str, str]:
    return {
        name: "(set, not shown)" if _SECRET.search(name) else value
        for name, value in sorted(os.environ.items())
        if name.startswith("SPIKEFILL_")
    }


def _size(count: int | None) -> str:
    if count is None:
        return "cannot be read"
    if count < 1000:
        return "empty" if count == 0 else f"{count} bytes"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    """The facts as aligned text, a subject a paragraph."""

    def line(subject: str, *values: str) -> Iterator[str]:
        for index, value in enumerate(values or ("none",)):
            yield f"{'' if index else subject:<11}{value}".rstrip()

    def each(items: Iterable[Any], show: Callable[[Any], str]) -> list[str]:
        return [show(item) for item in items]

    yield from line("spikefill", facts["spikefill"])
    yield from line("python", f"{facts['python']} on {facts['system']}")
    yield from line("packages", *each(facts["packages"].items(), lambda i: f"{i[0]:<32}{i[1] or 'cannot be imported'}"))
    if "device" in facts:
        yield from line("cpu", facts["device"]["cpu"])
        yield from line("cuda", *facts["device"]["cuda"])
        yield from line("threads", f"torch uses {facts['threads']['torch']} of {facts['threads']['cores']} cores")
    if "models" in facts:
        default = facts["models"]["default"]
        yield from line(
            "models",
            *each(
                facts["models"]["bundled"].items(),
                lambda i: f"{i[0]:<32}{_size(i[1])}{' (default)' if i[0] == default else ''}",
            ),
        )
    yield from line("extras", *each(facts["extras"].items(), _extra))
    if "cache" in facts:
        yield from line(
            "cache",
            f"{facts['cache']['folder']}: {_size(facts['cache']['bytes'])}",
            f"compiled kernels: {_size(facts['cache']['compiled_kernels_bytes'])}",
            f"empty both with: {_EMPTY_IT}",
        )
    yield from line("variables", *each(facts["variables"].items(), "=".join))
    if facts["problems"]:
        yield from line("problems", *facts["problems"])
    else:
        yield from line("result", "restoring works")


def _extra(item: tuple[str, list[str]]) -> str:
    name, missing = item
    if not missing:
        return f"{name:<32}installed"
    return f"{name:<32}missing {', '.join(missing)}; do: pip install 'spikefill[{name}]'"
