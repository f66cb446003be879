"""How much is done: one percent, or what ``--share`` says."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak")
    group.addoption("--share", type=float, default=0.01, help="of the long runs: 1 is all of them (default 0.01)")
    group.addoption("--first", type=int, default=0, help="number of the first damaged file (default 0)")
    group.addoption("--processes", type=int, default=None, help="that look at damaged files (default: one a core)")


@pytest.fixture
def share(pytestconfig: pytest.Config) -> float:
    """Of the cases, 1 for all of them."""
    found: float = pytestconfig.getoption("--share")
    return found


@pytest.fixture
def processes(pytestconfig: pytest.Config) -> int:
    """How many at a time."""
    return pytestconfig.getoption("--processes") or os.cpu_count() or 1
