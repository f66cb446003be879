"""``spikefill serve``: calls that are wrong end before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from spikefill.cli.app import run


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MODEL", "THREADS", "TOKEN_FILE", "VERBOSE", "QUIET"):
        monkeypatch.delenv(f"SPIKEFILL_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("--host 0.0.0.0", "host is 0.0.0.0, which others may reach; give --token-file, or --no-token"),
        ("--host 0.0.0.0 --token-file nowhere", "cannot read token file nowhere: No such file"),
        ("--token-file short", "the token is too short; it must have at least 16 characters"),
        ("--port 70000", "port is 70000; it must be less than or equal to 65535"),
        ("--processes 0", "processes is 0; it must be greater than or equal to 1"),
        ("--host 203.0.113.1 --no-token", "cannot listen at 203.0.113.1, port 8000: "),
        ("--model lama --port 0", "model is 'lama'; it must be one of: "),
        ("--colour red", "--colour"),
    ],
)
def test_wrong_calls(call: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("short").write_text("guess-me")
    assert run(["serve", *call.split()]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said == f"spikefill: cannot listen at 127.0.0.1, port {port}: Address already in use\n"
