"""The kernels in forked and spawned children, in workers and threads, in fresh environments and without a cache."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from spikefill.neurons import LIF, lif_constant
from spikefill.neurons.kernels import threads
from tests.neurons.neurons import NEURONS, random

COUNT = 30_000  # few enough that torch itself starts no threads of OpenMP, which do not survive a fork


@pytest.fixture(autouse=True)
def several_shares(monkeypatch):
    monkeypatch.setattr(threads, "_SMALLEST_SHARE", 1024)


def answer(seed: int) -> torch.Tensor:
    """A rate and its gradient, by the kernels."""
    current = random(COUNT, seed=seed).requires_grad_()
    rate, _ = lif_constant(current, 4, NEURONS["plain"], backend="fused")
    rate.sum().backward()
    return torch.stack([rate.detach(), current.grad])


def expected(seed: int) -> torch.Tensor:
    current = random(COUNT, seed=seed).requires_grad_()
    rate, _ = lif_constant(current, 4, NEURONS["plain"], backend="reference")
    rate.sum().backward()
    return torch.stack([rate.detach(), current.grad])


def put_answer(queue, seed: int) -> None:
    queue.put(answer(seed).numpy())


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(
            "fork",
            marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
        ),
        "spawn",
    ],
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_children(method):
    """The parent's pool has run before, so that a forked child finds threads that are no longer there."""
    torch.testing.assert_close(answer(0), expected(0))
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    children = [context.Process(target=put_answer, args=(queue, 1)) for _ in range(2)]
    for child in children:
        child.start()
    try:
        for _ in children:
            torch.testing.assert_close(torch.from_numpy(queue.get(timeout=120)), expected(1))
    finally:
        for child in children:
            child.join(timeout=30)
            child.kill()
    assert [child.exitcode for child in children] == [0, 0]
    torch.testing.assert_close(answer(0), expected(0))


class Answers(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return answer(index)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_workers_of_a_data_loader():
    answer(0)
    found = list(DataLoader(Answers(), batch_size=None, num_workers=2, timeout=120))
    for index, both in enumerate(found):
        torch.testing.assert_close(both, expected(index))


def test_eight_threads_at_once():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answer, range(16)))
    for index, both in enumerate(found):
        torch.testing.assert_close(both, expected(index))


SCRIPT = """
import os, sys
import numba.core.caching
if not os.environ["NUMBA_CACHE_DIR"]:
    numba.core.caching.CompileResultCacheImpl._locator_classes = []
import torch
import spikefill.cache, spikefill.neurons
from spikefill.neurons import LIF
folder = os.environ["NUMBA_CACHE_DIR"]
print("after import:", sum(len(files) for _, _, files in os.walk(folder)))
neuron = LIF(steps=8, tau=40.0, dt=5.0)
current = torch.linspace(0, 10, 1001, requires_grad=True)
rate = neuron(current)
rate.sum().backward()
print("sum:", rate.sum().item())
neuron.double()(current.double()).sum().backward()
print("kept:", len(spikefill.cache.compiled_kernels()) > 0)
"""


def run_fresh(cache: object, before: str = "") -> subprocess.CompletedProcess:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", before + SCRIPT]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)


def the_sum() -> str:
    return f"sum: {LIF(steps=8, tau=40.0, dt=5.0)(torch.linspace(0, 10, 1001)).sum().item()}"


def test_a_fresh_environment_says_once_what_it_waits_for_and_a_second_start_does_not_wait(tmp_path):
    first = run_fresh(tmp_path)
    assert first.stdout.splitlines() == ["after import: 0", the_sum(), "kept: True"]
    assert first.stderr.count("Compiling spiking kernels") == 1
    assert list(tmp_path.rglob("*.nbc"))
    second = run_fresh(tmp_path)
    assert second.stderr == ""
    assert second.stdout.splitlines()[1] == the_sum()
    # As if any file had changed that is compiled into the kernels, not only that of the kernel itself.
    third = run_fresh(tmp_path, "import spikefill.neurons.kernels.compiling as c; c._sources = lambda file: ()")
    assert third.stderr.count("Compiling spiking kernels") == 1


def test_without_a_cache_that_can_be_written():
    """Numba finds no place, as where neither the package's folder nor the user's cache can be written."""
    found = run_fresh("")
    assert found.stdout.splitlines()[1:] == [the_sum(), "kept: False"]
    assert found.stderr.count("cannot be kept on disk") == 1
