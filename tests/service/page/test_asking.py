"""The page waits in the same queue as REST, and within the same limits; what it is refused is said in words."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import gradio as gr
import pytest

from spikefill.service.page.asking import ask, moments

from ..running import Running
from ..tasks import Fails, Steps


def test_with_the_queue_full_it_is_refused(service: Running) -> None:
    async def crowd() -> list[Any]:
        before = [asyncio.ensure_future(service.workers.run(Steps(10))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(gr.Error, match=r"Many photographs are waiting; try again in \d+ s\."):
            await ask(service.workers, Steps(1))
        return await asyncio.gather(*before)

    assert len(service.ask(crowd())) == 3


def test_what_takes_too_long_is_stopped(service: Running) -> None:
    with pytest.raises(gr.Error, match="It was not done in 4 s, and was stopped"):
        service.ask(ask(service.workers, Steps(100_000)))


def test_a_mistake_of_ours_is_told_to_the_log_alone(service: Running, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(gr.Error, match="That failed, for a reason that is not in the photograph") as caught:
        service.ask(ask(service.workers, Fails()))
    assert "ZeroDivisionError" not in str(caught.value)
    assert "ZeroDivisionError: a mistake of ours" in caplog.text


def test_progress_is_told_until_there_is_a_result(service: Running) -> None:
    async def watch() -> list[Any]:
        async with aclosing(moments(service.workers, Steps(70))) as steps:
            return [step async for step in steps]

    first, *_, last = service.ask(watch())
    assert first.underway("Restoring") == {"share": None, "text": "Restoring … 0 s"}
    assert (first.result, last.share) == (None, 1)
    assert last.result is not None


def test_who_stops_watching_stops_the_work(service: Running) -> None:
    async def leave() -> list[int]:
        before = await service.workers.run(Steps(1))
        async with aclosing(moments(service.workers, Steps(100_000))) as steps:
            await anext(steps)
            await asyncio.sleep(0.05)
            assert service.workers.busy == 1
        return [before, await service.workers.run(Steps(1))]

    before, after = service.ask(leave())
    assert before == after  # it has answered, so the other task is over
