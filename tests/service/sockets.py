"""Clients that no library would be: they send what they like, as slowly as they like."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import httpx


def connected(url: str, *, buffer: int | None = None) -> socket.socket:
    """A connection; with ``buffer``, one that takes in so many bytes before it is read."""
    parts = urlsplit(url)
    client = socket.socket()
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(60)
    client.connect((parts.hostname, parts.port))
    return client


def head(path: str, url: str, **headers: str | int) -> bytes:
    """The head of a POST request."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def sent_until_answered(client: socket.socket, pieces: Iterable[bytes]) -> int:
    """Sends pieces until there is an answer, or none is taken any more; returns how many bytes were sent."""
    count = 0
    for piece in pieces:
        if select.select([client], [], [], 0)[0]:
            break
        try:
            client.sendall(piece)
        except OSError:
            break
        count += len(piece)
    return count


def answer(client: socket.socket) -> tuple[int, bytes]:
    """Status and the rest of what comes, until the connection is closed; status 0 where nothing came."""
    received = b""
    while True:
        try:
            part = client.recv(1 << 16)
        except ConnectionResetError:
            break
        if not part:
            break
        received += part
    return (int(received.split(None, 2)[1]), received) if received else (0, b"")


def figure(url: str, name: str) -> float:
    """One of the figures at ``/metrics``, 0 where there is none yet."""
    lines = httpx.get(f"{url}/metrics", timeout=60).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, for a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)
