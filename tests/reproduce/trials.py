"""Trials whose results are known: sums, counted as they are made."""

from __future__ import annotations

from typing import Any

from spikefill.reproduce.trials import Context, Done

calls: list[str] = []


def add(context: Context, *, a: Any, b: Any) -> dict[str, Any]:
    """The sum of two numbers, or of the sums of other trials."""
    numbers = [value.result["sum"] if isinstance(value, Done) else value for value in (a, b)]
    calls.append(f"{numbers[0]} + {numbers[1]}")
    (context.folder / "sum.txt").write_text(f"{sum(numbers)}", encoding="utf-8")
    return {"sum": sum(numbers), "numbers": tuple(numbers), "times": {"calls": len(calls)}}


def stop_at_first(context: Context, *, marker: str, made_of: Done | None = None) -> dict[str, Any]:
    """Is interrupted at the first attempt, of which it leaves a file; the second one tells what it found."""
    left = context.folder / marker
    if not left.exists():
        left.touch()
        raise KeyboardInterrupt
    return {"found": [file.name for file in context.folder.iterdir()]}
