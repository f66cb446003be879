"""``spikefill serve`` as a process of its own: how it starts, what a gigabyte costs it, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx
import numpy as np
import psutil
import pytest

from .conftest import Pair, encoded
from .sockets import answer, connected, head, sent_until_answered, until
from .test_inpaint import PATH

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process could catch")

TOKEN = "correct-horse-battery-staple"
COMMAND = [sys.executable, "-c", "from spikefill.cli.app import main; main()", "serve"]


class Served(NamedTuple):
    """A running command, and a client that has the token."""

    process: subprocess.Popen[str]
    client: httpx.Client


@pytest.fixture(scope="module")
def served(weights: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    token = tmp_path_factory.mktemp("served") / "token"
    token.write_text(TOKEN)
    options = ["--port", "0", "--model", weights, "--token-file", str(token), "--processes", "1", "--queue", "4"]
    with subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True) as process:
        said = ""
        while (found := re.search(r"serving at (\S+);", said)) is None:
            line = process.stderr.readline()
            assert line, said
            said += line
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=found[1], headers=headers, timeout=120) as client:
            yield Served(process, client)
        process.kill()


def test_the_token_is_asked_for(served: Served) -> None:
    assert httpx.get(f"{served.client.base_url}/api/v1/model").status_code == 401
    assert served.client.get("/api/v1/model").json()["name"] == "model.safetensors"


def test_a_gigabyte_takes_no_memory(served: Served) -> None:
    process = psutil.Process(served.process.pid)
    before = process.memory_info().rss
    piece = bytes(1 << 20)
    url = str(served.client.base_url)
    with connected(url) as client:
        client.sendall(
            head(PATH, url, Authorization=f"Bearer {TOKEN}", Content_Type="application/json", Content_Length=10**9)
        )
        sent_until_answered(client, [piece] * 1000)
        assert answer(client)[0] == 413
    assert process.memory_info().rss < before + 50e6


def test_memory_returns_to_its_level_after_a_burst(served: Served, pair: Pair) -> None:
    service = psutil.Process(served.process.pid)
    photograph = np.tile(pair.pixels, (24, 16, 1))
    hole = np.zeros(photograph.shape[:2], np.uint8)
    hole[::9] = 255
    files = {"image": encoded(photograph, "BMP"), "mask": encoded(hole)}

    def held() -> int:
        return sum(process.memory_full_info().uss for process in [service, *service.children(recursive=True)])

    assert served.client.post(PATH, files=files).status_code == 200
    before = held()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: served.client.post(PATH, files=files), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    until(lambda: held() < before + photograph.nbytes)


def test_it_ends_when_what_was_begun_is_done(served: Served, pair: Pair) -> None:
    photograph = np.tile(pair.pixels, (16, 10, 1))
    hole = np.zeros(photograph.shape[:2], np.uint8)
    hole[::9] = 255
    files = {"image": encoded(photograph, "BMP"), "mask": encoded(hole)}
    children = psutil.Process(served.process.pid).children(recursive=True)
    with ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(served.client.post, PATH, files=files) for _ in range(3)]
        until(lambda: "spikefill_tasks_waiting 2.0" in served.client.get("/metrics").text)
        served.process.send_signal(signal.SIGTERM)
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]
    assert served.process.wait(60) == 0
    assert served.process.stderr.read() == "stopped\n"
    psutil.wait_procs(children, 30)
    assert [child for child in children if child.is_running()] == []
    with pytest.raises(httpx.ConnectError):
        served.client.get("/healthz")
