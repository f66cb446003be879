from __future__ import annotations

import pytest

from spikefill.reproduce.trials import Trial, in_order

from .trials import add


def test_what_a_trial_needs_comes_before_it_and_once() -> None:
    first = Trial("first", add, {"a": 1, "b": 2})
    left, right = Trial("left", add, {"a": first, "b": 0}), Trial("right", add, {"a": 5, "b": first})
    last = Trial("last", add, {"a": left, "b": right})
    assert [trial.name for trial in in_order([last, right])] == ["first", "left", "right", "last"]


def test_two_trials_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two trials are called 'same'"):
        in_order([Trial("same", add, {"a": 1, "b": 2}), Trial("same", add, {"a": 1, "b": 3})])
