from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from spikefill.data import open_photographs
from spikefill.reproduce import fingerprint, plan, reproduce
from spikefill.reproduce.store import TrialStore
from spikefill.reproduce.trials import Context, Trial

from .trials import add, calls, stop_at_first

CODE = ("machine.py",)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    photographs = open_photographs("embedded", part="val")
    return Context(("embedded",), "embedded", photographs, photographs, "cpu", tmp_path)


@pytest.fixture
def store(context: Context, tmp_path: Path) -> TrialStore:
    calls.clear()
    return TrialStore(tmp_path / "trials", context)


def test_a_trial_is_done_once(store: TrialStore, tmp_path: Path, context: Context) -> None:
    trial = Trial("sum", add, {"a": 1, "b": 2}, CODE)
    assert store.find(trial) is None
    done = store.do(trial)
    assert done.result == {"sum": 3, "numbers": [1, 2]}  # as JSON has it, though it is new
    assert done.times["calls"] == 1
    assert done.times["seconds"] >= 0
    assert (done.folder / "sum.txt").read_text("utf-8") == "3"
    again = TrialStore(tmp_path / "trials", context)  # as the next process has it
    assert again.do(Trial("another name", add, {"a": 1, "b": 2}, CODE)) == done
    assert again.find(trial) == done
    assert calls == ["1 + 2"]


def test_other_inputs_photographs_devices_and_code_are_other_trials(
    store: TrialStore, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial("sum", add, {"a": 1, "b": 2}, CODE)
    fewer = dataclasses.replace(context, val_photographs=context.val_photographs.subset([0]))
    on_gpu = dataclasses.replace(context, device="cuda")
    keys = [
        store.key(trial),
        store.key(Trial("sum", add, {"a": 1, "b": 3}, CODE)),
        store.key(Trial("sum", add, {"a": 1, "b": trial}, CODE)),
        store.key(Trial("sum", stop_at_first, {"a": 1, "b": 2}, CODE)),
        store.key(Trial("sum", add, {"a": 1, "b": 2}, (*CODE, "stop.py"))),
        TrialStore(tmp_path, fewer).key(trial),
        TrialStore(tmp_path, on_gpu).key(trial),
    ]
    monkeypatch.setattr("spikefill.evaluation.provenance.versions", lambda: {"torch": "another"})
    keys.append(TrialStore(tmp_path, context).key(trial))
    assert len(set(keys)) == len(keys)


def test_what_was_made_from_another_result_is_made_again(store: TrialStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Trial("first", add, {"a": 1, "b": 2}, CODE)
    second = Trial("second", add, {"a": first, "b": 10}, CODE)
    store.do(first)
    assert store.do(second).result["sum"] == 13
    store.forget(first)
    assert store.find(second) is None  # what it was made from is gone
    store.do(first)
    assert store.find(second) is not None  # and came back the same
    record = next(file for file in store._place(first).iterdir() if file.suffix == ".json")
    record.write_text(record.read_text("utf-8").replace('"sum": 3', '"sum": 4'), encoding="utf-8")
    assert store.find(second) is None
    assert store.do(second).result["sum"] == 14
    assert calls == ["1 + 2", "3 + 10", "1 + 2", "4 + 10"]


def test_an_interrupted_trial_goes_on_with_its_files(store: TrialStore) -> None:
    trial = Trial("stops", stop_at_first, {"marker": "half"}, CODE)
    with pytest.raises(KeyboardInterrupt):
        store.do(trial)
    assert store.find(trial) is None
    assert store.do(trial).result == {"found": ["half"]}
    store.forget(trial)
    with pytest.raises(KeyboardInterrupt):
        store.do(trial)


def test_an_attempt_begun_with_another_result_is_begun_again(store: TrialStore) -> None:
    first = Trial("first", add, {"a": 1, "b": 2}, CODE)
    second = Trial("second", stop_at_first, {"marker": "half", "made_of": first}, CODE)
    folder = store.do(first).folder.parent
    with pytest.raises(KeyboardInterrupt):
        store.do(second)
    record = folder / "trial.json"
    record.write_text(record.read_text("utf-8").replace('"sum": 3', '"sum": 4'), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):  # what the first attempt left is gone
        store.do(second)
    assert store.do(second).result == {"found": ["half"]}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"result": {}, "made_from": {}}'])
def test_a_damaged_record_counts_as_none(store: TrialStore, text: str) -> None:
    trial = Trial("sum", add, {"a": 1, "b": 2}, CODE)
    folder = store.do(trial).folder.parent
    (folder / "trial.json").write_text(text, encoding="utf-8")
    assert store.do(trial).result["sum"] == 3
    assert len(calls) == 2


def test_measurements_depend_on_all_that_makes_them() -> None:
    trials = {trial.name: trial for trial in plan("twin", quick=True).trials}
    rebuilt, chosen = trials["hybrid-small, quantised"], trials["training, lif, equal steps, seed 0"]
    assert "reproduce/measuring.py" in rebuilt.code
    assert "reproduce/networks.py" in chosen.code
    assert "pytorch-lightning" in fingerprint.versions()


def test_fixed_masks_are_part_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for package, content in (("one", b"holes"), ("same", b"holes"), ("other", b"other holes")):
        masks = tmp_path / package / "masks"
        masks.mkdir(parents=True)
        (masks / "thin-128.tif").write_bytes(content)
        monkeypatch.setattr(fingerprint, "_PACKAGE", tmp_path / package)
        fingerprint.of_code.cache_clear()
        found.append(fingerprint.of_code(("masks",)))
    fingerprint.of_code.cache_clear()
    assert found[0] == found[1] != found[2]


def test_the_code_is_looked_at_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan("leakage", quick=True)
    seen: list[str] = []
    original = TrialStore.key

    def key(self: TrialStore, trial: Trial) -> str:
        seen.append(trial.name)
        return original(self, trial)

    def do(self: TrialStore, trial: Trial) -> None:
        assert {trial.name for trial in planned.trials} <= set(seen)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrialStore, "key", key)
    monkeypatch.setattr(TrialStore, "do", do)
    with pytest.raises(KeyboardInterrupt, match="interrupted in leakage"):
        reproduce([planned], folder=tmp_path / "folder")


def test_comments_and_docstrings_change_no_fingerprint(tmp_path: Path) -> None:
    sources = {
        "plain": "def double(x):\n    return 2 * x\n",
        "said": '"""A module."""\n\ndef double(x):\n    """Twice."""\n    # why\n    return 2 * x\n',
        "other": "def double(x):\n    return 3 * x\n",
    }
    found = {}
    for name, text in sources.items():
        file = tmp_path / name / "module.py"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        found[name] = fingerprint.of_code((), (file,))
    assert found["plain"] == found["said"] != found["other"]


def test_photographs_have_another_fingerprint_when_their_content_or_name_changes(tmp_path: Path) -> None:
    val = open_photographs("embedded", part="val")
    copies = tmp_path / "copies"
    copies.mkdir()
    for file, name in zip(val.files, val.names, strict=True):
        assert isinstance(file, Path)
        (copies / name).write_bytes(file.read_bytes())
    assert fingerprint.of_photographs(open_photographs(copies)) == fingerprint.of_photographs(val)
    changed = copies / val.names[0]
    content = bytearray(changed.read_bytes())
    content[-5] ^= 1
    changed.write_bytes(content)
    other = fingerprint.of_photographs(open_photographs(copies))
    changed.rename(copies / f"a {val.names[0]}")
    assert len({other, fingerprint.of_photographs(open_photographs(copies)), fingerprint.of_photographs(val)}) == 3
