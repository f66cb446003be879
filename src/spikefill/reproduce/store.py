"""Results of trials on disk, found again by the content of what they depend on.

A trial's key is a checksum of its function, its inputs with the keys of the trials among them, the code, the
photographs, the versions of libraries and the device. A result is also valid only as long as those of the trials that
it was made from are the same, bit for bit: they may have been made again, on a device that rounds differently each
time.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikefill.files import atomic_write
from spikefill.reproduce import fingerprint
from spikefill.reproduce.trials import Context, Done, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

_RECORD, _BEGUN, _FILES = "trial.json", "begun.json", "files"


class TrialStore:
    """The trials in a folder.

    Args:
        folder: Where each trial has a folder of its own; made when it is needed.
        context: What trials work with; its ``folder`` is replaced for each.
    """

    def __init__(self, folder: Path, context: Context) -> None:
        self._folder = folder
        self._context = context
        self._surroundings = {
            "train": fingerprint.of_photographs(context.train_photographs),
            "val": fingerprint.of_photographs(context.val_photographs),
            "versions": fingerprint.versions(),
            "device": context.device,
        }

    @property
    def photographs(self) -> dict[str, str]:
        """The checksums of both splits' photographs."""
        return {split: str(self._surroundings[split]) for split in ("train", "val")}

    def key(self, trial: Trial) -> str:
        """The checksum of all that the trial depends on."""
        module = Path(inspect.getfile(trial.function)).resolve()
        return fingerprint.of_values(
            {
                "function": f"{trial.function.__module__}.{trial.function.__qualname__}",
                "inputs": {
                    name: {"trial": self.key(value)} if isinstance(value, Trial) else value
                    for name, value in trial.inputs.items()
                },
                "code": fingerprint.of_code(trial.code, (module,)),
                **self._surroundings,
            }
        )

    def forget(self, trial: Trial) -> None:
        """Deletes what is kept of a trial, and what an interrupted attempt at it left."""
        shutil.rmtree(self._place(trial), ignore_errors=True)

    def find(self, trial: Trial) -> Done | None:
        """What became of a trial, or None if it has to be done."""
        place = self._place(trial)
        try:
            record = json.loads((place / _RECORD).read_text(encoding="utf-8"))
            made_from = record["made_from"]
            done = Done(record["result"], place / _FILES, record["times"])
        except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            return None
        return done if made_from == self._made_from(trial) else None

    def do(self, trial: Trial) -> Done:
        """Does a trial, or finds it done; those that it needs must have been done."""
        done = self.find(trial)
        if done is not None:
            return done
        place = self._place(trial)
        made_from = self._made_from(trial)
        if place.exists() and ((place / _RECORD).exists() or _begun(place) != made_from):
            shutil.rmtree(place)  # done or begun with what is no longer there
        if not (place / _BEGUN).exists():
            (place / _FILES).mkdir(parents=True)
            _write(place / _BEGUN, {"made_from": made_from})
        inputs = {
            name: self._found(value) if isinstance(value, Trial) else value for name, value in trial.inputs.items()
        }
        start = time.perf_counter()
        result = trial.function(dataclasses.replace(self._context, folder=place / _FILES), **inputs)
        times = {
            "seconds": time.perf_counter() - start,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            **result.pop("times", {}),
        }
        _write(place / _RECORD, {"name": trial.name, "result": result, "made_from": made_from, "times": times})
        return self._found(trial)  # as JSON gives it back: the same whether it is new or not

    def _found(self, trial: Trial) -> Done:
        done = self.find(trial)
        if done is None:
            raise ValueError(f"trial {trial.name!r} has not been done")
        return done

    def _made_from(self, trial: Trial) -> Mapping[str, Any]:
        """By key, the checksums of the results of the trials that a trial needs; None where there is none."""
        found = {self.key(needed): self.find(needed) for needed in trial.needs}
        return {key: None if done is None else fingerprint.of_values(done.result) for key, done in found.items()}

    def _place(self, trial: Trial) -> Path:
        return self._folder / self.key(trial)[:32]


def _begun(place: Path) -> Any:
    """What an interrupted attempt was made from; None where that is not known."""
    try:
        return json.loads((place / _BEGUN).read_text(encoding="utf-8"))["made_from"]
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None


def _write(path: Path, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
