"""The figures of docs/science/energy.md are of the weights of the package, and are those that were measured."""

from __future__ import annotations

from types import ModuleType

import pytest

from .scripts import script


@pytest.fixture(scope="module")
def ledger() -> ModuleType:
    return script("ledger")


def test_what_was_measured_are_the_weights_of_the_package(ledger: ModuleType) -> None:
    assert not [one.name for one in ledger.LEDGERS if one.stale]


def test_the_page_gives_the_figures_of_its_documents(ledger: ModuleType) -> None:
    assert ledger.PAGE.read_text("utf-8") == ledger.page(), "python docs/ledger.py"


def test_every_energy_of_the_page_is_called_estimated(ledger: ModuleType) -> None:
    """In the heading of its column, or in its sentence."""
    headings = ledger.table(2)().splitlines()[0].strip("| ").split(" | ")
    assert [heading for heading in headings if "estimated" not in heading] == [
        "design", "MAC, millions", "AC, millions", "traffic, reused", "traffic, fetched",
    ]  # fmt: skip
    for sentence in ledger.comparison().split("\n- "):
        assert "estimated" in sentence


def test_what_the_holes_need_is_less_of_a_photograph_with_fewer(ledger: ModuleType) -> None:
    shares = []
    for one in (ledger.CENTRE, ledger.WHOLE):
        layers = ledger.fed(one.read())
        shares.append(ledger.total(layers, "computed_accumulates") / ledger.total(layers, "accumulates"))
    assert 0 < shares[1] < shares[0] < 1
    assert f"{100 * shares[1]:.0f} % of all accumulates" in ledger.needed()
