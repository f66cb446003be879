from __future__ import annotations

import pytest

from spikefill.errors import InputError
from spikefill.reproduce import plan


@pytest.mark.parametrize(
    ("experiment", "change", "problem"),
    [
        ("paper", "baselines=[]", "baselines is "),
        ("noise", "seeds=[0,0]", "seeds is .*each may be named once"),
        ("noise", "seeds=[-1]", "seeds.0 is -1"),
        ("dynamics", "surrogates=[relu]", "surrogate is 'relu'; it must be one of: arctan"),
        ("dynamics", "surrogates=[rate,rate]", "each may be named once"),
        ("placement", "parts=[head]", "placement is 'head'; it must be one of: stem"),
        ("placement", "parts=[all]", "placement is 'all'"),
        ("steps", "time_steps=[1,1]", "each may be named once"),
        ("steps", "time_steps=[0,8]", "time_steps.0 is 0"),
        ("streaming", "warm_ups=[-1]", "warm_ups.0 is -1"),
        ("streaming", "warm_ups=[0,0]", "each may be named once"),
        ("streaming", "training.recipe=scnn", "training.recipe is 'scnn'.*which cannot stream"),
        ("twin", "learning_rates=[-1]", "learning_rates.0 is -1"),
        ("twin", "learning_rates=[0.001,0.001]", "each may be named once"),
        ("resolution", "tested=[48,48]", "each may be named once"),
        ("resolution", "tested=[16]", "tested.0 is 16"),
        ("resolution", "trained=[8,48]", "trained.0 is 8"),
        ("resolution", "baseline=nonsense", "'resolution': baseline is 'nonsense'; it must be one of: identity"),
        ("holes", "held_out=[thin,text]", "held_out has 'thin', on which network was trained by the recipe scnn"),
        ("holes", "released=[hybrid-small]", "held_out has 'text', on which hybrid-small was trained"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(experiment: str, change: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        plan(experiment, quick=True, changes=[change])


def test_learning_rates_that_are_nearly_the_same_are_two() -> None:
    names = [trial.name for trial in plan("twin", quick=True, changes=["learning_rates=[0.001,0.0010000001]"]).trials]
    assert {f"training, lif, learning rate {rate}" for rate in ("0.001", "0.0010000001")} <= set(names)
