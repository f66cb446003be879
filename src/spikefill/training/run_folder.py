"""The folder of a run: names of its files, and the record of what the run is (``run.json``)."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spikefill._version import __version__
from spikefill.data import EMBEDDED
from spikefill.errors import InputError
from spikefill.files import atomic_write
from spikefill.models import BEST_WEIGHTS, LAST_WEIGHTS, bundled_names
from spikefill.training.recipe import Recipe

FORMAT_VERSION = 1


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what."""

    path: Path

    @property
    def record(self) -> Path:
        """What the run is: recipe, data, steps, versions."""
        return self.path / "run.json"

    @property
    def state(self) -> Path:
        """The private checkpoint from which the run goes on."""
        return self.path / "resume.ckpt"

    @property
    def best(self) -> Path:
        """Weights of the lowest validation loss."""
        return self.path / BEST_WEIGHTS

    @property
    def last(self) -> Path:
        """Weights of the last validation or interruption."""
        return self.path / LAST_WEIGHTS

    @property
    def logs(self) -> Path:
        """CSV and TensorBoard logs."""
        return self.path / "logs"

    @property
    def samples(self) -> Path:
        """Pictures of validation samples."""
        return self.path / "samples"

    @property
    def curves(self) -> Path:
        """The picture of the loss curves."""
        return self.path / "losses.png"


class RunRecord(BaseModel):
    """What a run is. It is written once, before the first step, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = FORMAT_VERSION
    recipe: Recipe
    data: tuple[str, ...]
    val: str
    start: str | None = None
    steps: int
    minutes: float | None = None
    seconds_per_step: float | None = None
    threads: int | None
    device: str
    versions: dict[str, str]
    commit: str | None
    started: str

    def write(self, folder: RunFolder) -> None:
        """Writes the record into a new run folder."""
        with atomic_write(folder.record) as temporary:
            temporary.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def provenance(self) -> dict[str, Any]:
        """What the header of the weights says of where they come from; folders by their last name alone."""
        return {
            "recipe": self.recipe.name,
            "steps": self.steps,
            "seed": self.recipe.seed,
            "loss": f"{self.recipe.loss.name}, {self.recipe.loss.region}",
            "size": self.recipe.data.size,
            "data": ", ".join(Path(source).name for source in self.data),
            "validation_data": Path(self.val).name,
            "start": None if self.start is None else Path(self.start).name,
            "commit": self.commit,
            "spikefill": self.versions.get("spikefill"),
            "torch": self.versions.get("torch"),
        }

    def differences(self, asked: dict[str, Any]) -> list[str]:
        """One phrase for each of the options asked for (None: not asked) that is not what the run has."""
        own = self.model_dump(mode="json")
        return [
            phrase
            for name, value in asked.items()
            if value is not None
            for phrase in _differences(name, own[name], value)
        ]


def read_record(folder: RunFolder) -> RunRecord:
    """The record of a run that exists.

    Raises:
        InputError: The folder holds no run, or a newer version's.
    """
    try:
        values = json.loads(folder.record.read_text(encoding="utf-8"))
        version = values.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise InputError(
                f"{folder.record} has format version {version}, this Spikefill reads up to {FORMAT_VERSION}; "
                "update Spikefill"
            )
        return RunRecord.model_validate(values)
    except OSError as error:
        raise InputError(
            f"{folder.path} holds no run to resume (no {folder.record.name}); leave out --resume"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, ValidationError) as error:
        raise InputError(f"{folder.record} is damaged or not a run's record; train into another folder") from error


def normalised_source(source: str | Path) -> str:
    """A data source as a record keeps it: ``embedded``, an address, or the folder's absolute path."""
    kept = str(source) == EMBEDDED or "://" in str(source)
    return str(source) if kept else str(Path(source).resolve())


def normalised_weights(weights: str | Path) -> str:
    """Weights to begin with as a record keeps them: a bundled model's name, or the absolute path."""
    return str(weights) if str(weights) in bundled_names() else str(Path(weights).resolve())


def versions() -> dict[str, str]:
    """The versions on which a run's figures depend."""
    packages = ("torch", "numpy", "pytorch-lightning", "opencv-contrib-python-headless")
    found = {"spikefill": __version__, "python": python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # e.g. another build of OpenCV
            continue
    return found


def commit() -> str | None:
    """The commit of the source tree in use, with ``-dirty`` where files differ; None when installed."""
    source = Path(__file__).resolve().parents[3]
    if not (source / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607
            cwd=source,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


def _differences(name: str, own: Any, asked: Any) -> list[str]:
    if isinstance(own, dict) and isinstance(asked, dict):
        return [
            phrase
            for key in sorted(own.keys() | asked.keys())
            for phrase in _differences(f"{name}.{key}", own.get(key), asked.get(key))
        ]
    return [] if own == asked else [f"{name} is {asked!r} but the run has {own!r}"]
