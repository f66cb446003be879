"""``spikefill serve``: the web page and the REST interface."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from spikefill.cli import console
from spikefill.errors import InputError


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at; others than this machine's own need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8000,
    model: Annotated[
        str | None,
        typer.Option(
            help="A bundled model, a file of weights or a run folder.  [default: the bundled one]",
            envvar="SPIKEFILL_MODEL",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="F", help="A file with the token that clients must give.", envvar="SPIKEFILL_TOKEN_FILE"),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let others in without a token: something else guards the service.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(help="That restore, a photograph at a time each.  [default: 2, or 1 on one core]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Of each process.  [default: half of the cores]", envvar="SPIKEFILL_THREADS")
    ] = None,
    queue: Annotated[int | None, typer.Option(help="Photographs that may wait.  [default: 16]")] = None,
    seconds: Annotated[float | None, typer.Option(help="That a photograph may take.  [default: 120]")] = None,
    largest_megabytes: Annotated[float | None, typer.Option(help="Of a request.  [default: 64]")] = None,
    largest_megapixels: Annotated[float | None, typer.Option(help="Of a photograph.  [default: 50]")] = None,
) -> None:
    """Serve a web page at / and a REST interface at /api/v1, described at /docs, until Ctrl-C or SIGTERM.

    Work that was begun is finished then. It needs the extra serve: pip install 'spikefill[serve]'.
    """
    try:
        from spikefill.service import server
        from spikefill.service.app import create_app
        from spikefill.service.settings import ServiceSettings, read_token
    except ModuleNotFoundError as error:
        raise InputError(f"serve needs {error.name}; install it with: pip install 'spikefill[serve]'") from error

    settings = ServiceSettings.of(
        host=host, port=port, model=model, token=read_token(token_file) if token_file is not None else None,
        no_token=no_token, processes=processes, threads=threads, queue=queue, seconds=seconds,
        largest_megabytes=largest_megabytes, largest_megapixels=largest_megapixels,
    )  # fmt: skip
    verbose = console.verbosity.level > 0
    if verbose:
        log = logging.getLogger("uvicorn")
        log.addHandler(logging.StreamHandler())
        log.setLevel(logging.INFO)
    with server.listening(settings) as at:
        console.note(f"starting {settings.processes} processes with {settings.model}")

        async def run() -> None:
            serving = f"serving at {server.address(at)}; Ctrl-C stops it"
            app = create_app(settings)
            await server.Server(app, settings, access_log=verbose, ready=lambda: console.note(serving)).run_at(at)

        asyncio.run(run())
    console.note("stopped")
