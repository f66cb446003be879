"""The queue and the processes behind it: what is stopped, replaced, refused and told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from spikefill import InputError
from spikefill.batch import ModelChoice
from spikefill.service.work import Work
from spikefill.service.workers import Busy, Stopping, TookTooLong, Workers, WorkFailed

from .conftest import Pair
from .running import Running
from .tasks import Ends, Fails, Steps


def process(service: Running) -> int:
    """The number of the process that the service has."""
    return service.ask(service.workers.run(Steps(1)))


def test_a_task_is_done_and_says_how_far_it_is(service: Running) -> None:
    shares: list[float] = []
    assert service.ask(service.workers.run(Steps(4), progress=shares.append)) == process(service)
    assert shares == [0, 0.25, 0.5, 0.75]


def test_what_a_user_can_mend_is_said(service: Running) -> None:
    with pytest.raises(InputError, match="^the image is empty$"):
        service.ask(service.workers.restore(Work(b"", None)))


def test_a_mistake_of_ours_is_told_from_it(service: Running) -> None:
    before = process(service)
    with pytest.raises(WorkFailed, match="ZeroDivisionError: a mistake of ours"):
        service.ask(service.workers.run(Fails()))
    assert process(service) == before


def test_times_are_told(service: Running, pair: Pair) -> None:
    answer = service.ask(service.workers.restore(Work(pair.image, pair.mask)))
    assert list(answer.seconds) == ["queue", "decode", "restore", "encode"]
    assert all(seconds >= 0 for seconds in answer.seconds.values())
    assert answer.media_type == "image/png"


def test_a_cancelled_task_stops_and_its_process_goes_on(service: Running, tmp_path: Path) -> None:
    before, log = process(service), tmp_path / "steps"

    async def cancelled() -> None:
        begun = asyncio.Event()
        task = asyncio.ensure_future(service.workers.run(Steps(10_000, log), progress=lambda _: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    service.ask(cancelled())
    assert process(service) == before  # it has answered, so the other one is over
    assert log.stat().st_size < 10_000


def test_one_that_does_not_hear_is_ended(service: Running) -> None:
    before = process(service)
    with pytest.raises(TookTooLong, match="not done in 4 s"):
        service.ask(service.workers.run(Steps(100_000, deaf=True)))
    assert process(service) != before


def test_what_takes_too_long_is_stopped(service: Running) -> None:
    before = process(service)
    with pytest.raises(TookTooLong):
        service.ask(service.workers.run(Steps(100_000)))
    assert process(service) == before


def test_work_whose_process_ends_is_done_by_another(service: Running, tmp_path: Path) -> None:
    before, restarts = process(service), service.workers.restarts
    assert service.ask(service.workers.run(Ends(tmp_path / "ended"))) != before
    assert service.workers.restarts == restarts + 1


def test_work_that_ends_two_has_failed(service: Running) -> None:
    with pytest.raises(WorkFailed, match="is there too little memory"):
        service.ask(service.workers.run(Ends()))
    assert process(service)


def test_the_queue_is_bounded(service: Running) -> None:
    async def crowd() -> list[Any]:
        tasks = [asyncio.ensure_future(service.workers.run(Steps(10))) for _ in range(5)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = service.ask(crowd())
    assert [type(one) for one in found] == [int, int, int, Busy, Busy]
    assert found[3].retry_after >= 1


def test_a_model_that_is_not_there_is_said_at_the_start() -> None:
    async def start() -> None:
        async with Workers(ModelChoice("lama"), processes=1, threads=1, queue=1, seconds=1, largest_megapixels=1):
            pass

    with pytest.raises(InputError, match="model is 'lama'"):
        asyncio.run(start())


def test_once_drained_it_takes_no_more(weights: str) -> None:
    async def drain() -> int:
        workers = Workers(ModelChoice(weights), processes=1, threads=1, queue=1, seconds=9, largest_megapixels=1)
        async with workers:
            last = asyncio.ensure_future(workers.run(Steps(20)))
            await asyncio.sleep(0)
            await workers.drain()
            assert not workers.ready
            with pytest.raises(Stopping):
                await workers.run(Steps(1))
            return last.result()

    assert asyncio.run(drain())
