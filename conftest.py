"""Which tests share a process where several run them (``make test``): those of a file, and of some folders."""

from __future__ import annotations

import pytest

TOGETHER = ("tests/reproduce", "tests/service")
"""Their tests wait for the same experiments and services."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Groups the tests."""
    for item in items:
        file = item.path.relative_to(config.rootpath).as_posix()
        group = next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
        item.add_marker(pytest.mark.xdist_group(group))
