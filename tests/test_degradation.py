"""What holes and noise are called."""

from __future__ import annotations

import pytest

from spikefill import InputError, models
from spikefill.degradation import HOLES, Degradation, check_trained_for


@pytest.mark.parametrize(
    ("text", "sigma", "name"),
    [
        ("holes", None, "holes"),
        ("noise:25", 25.0, "noise:25"),
        ("noise:25.0", 25.0, "noise:25"),
        ("noise:0.12345678", 0.12345678, "noise:0.12345678"),
        ("noise:255", 255.0, "noise:255"),
    ],
)
def test_names(text: str, sigma: float | None, name: str) -> None:
    degradation = Degradation.parse(text)
    assert (degradation.sigma, degradation.is_noise, str(degradation)) == (sigma, sigma is not None, name)
    assert Degradation.parse(name) == degradation


@pytest.mark.parametrize(
    "text",
    ["", "hole", "holes:1", "noise", "noise:", "noise25", "noise:x", "noise:0", "noise:-1", "noise:256", "noise:nan",
     "noise:inf", "rain:25", "Noise:25"],
)  # fmt: skip
def test_what_is_none_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^degradation is '.*'; it must be holes, or noise:SIGMA with SIGMA above 0"):
        Degradation.parse(text)


@pytest.mark.parametrize("value", [None, 25, ["noise:25"]])
def test_what_is_no_text_is_one_line_too(value: object) -> None:
    with pytest.raises(InputError, match=r"^degradation is .*; it must be holes, or noise:SIGMA"):
        models.create("scnn", width=2, degradation=value)


def test_a_standard_deviation_out_of_range() -> None:
    with pytest.raises(InputError, match="sigma is 300; it must be above 0 and at most 255"):
        Degradation(300)


def test_a_network_is_for_what_it_was_trained_for() -> None:
    denoiser = models.create("scnn", width=2, degradation="noise:25")
    check_trained_for(denoiser, Degradation(25))
    check_trained_for(object(), HOLES)
    for wanted in ("holes", "noise:15"):
        with pytest.raises(InputError, match=rf"^mine was trained for noise:25, not for {wanted}; .* noise:25$"):
            check_trained_for(denoiser, Degradation.parse(wanted), name="mine")
