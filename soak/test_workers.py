"""That whatever goes wrong in a process is seen: what is never seen here could go wrong in any number of files."""

from __future__ import annotations

import os
import sys
import time
import warnings

from soak.workers import Verdict, verdicts
from spikefill.peak_memory import peak

WAYS = ("fine", "raises", "warns", "writes", "ends", "hangs", "grows", "asks for too much", "fine again")


def look(number: int) -> str:
    way = WAYS[number]
    if way == "raises":
        raise KeyError("wrong")
    if way == "warns":
        warnings.warn("beware", stacklevel=1)
    if way == "writes":
        os.write(2, b"from below")
    if way == "ends":
        os.write(2, b"last words")
        os._exit(3)
    if way == "hangs":
        time.sleep(3600)
    if way == "grows":
        assert any(bytearray(b"x") * (300 << 20))
    if way == "asks for too much" and sys.platform == "linux":
        bytearray(100 << 30)
    return way


def test_all_that_can_go_wrong_is_seen() -> None:
    found = {WAYS[verdict.number]: verdict for verdict in verdicts(look, range(len(WAYS)), processes=1, seconds=5)}
    assert list(found) == list(WAYS)
    assert all(not found[way].failure and found[way].said == way for way in ("fine", "grows", "fine again"))
    assert "KeyError: 'wrong'" in found["raises"].failure
    assert "UserWarning: beware" in found["warns"].failure
    assert found["writes"].failure == "written to standard error: from below"
    assert found["ends"].failure == "ended its process with 3\nlast words"
    assert found["hangs"].failure == "took more than 5 s"
    assert found["hangs"].seconds > 5
    if peak():
        assert found["grows"].growth > 290 << 20
        assert found["fine again"].growth < 100 << 20
    if sys.platform == "linux":
        assert "MemoryError" in found["asks for too much"].failure


def test_several_processes_share_the_cases() -> None:
    found = list(verdicts(abs_text, range(20), processes=2, seconds=60))
    assert sorted((verdict.number, verdict.said) for verdict in found) == [(i, str(i)) for i in range(20)]
    assert all(isinstance(verdict, Verdict) and verdict.seconds < 60 for verdict in found)


def abs_text(number: int) -> str:
    return str(number)
