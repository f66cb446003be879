"""The frame of the command line: the list of commands, options for all of them, and how every error is said.

Command modules import only typer and the standard library at their top, so that ``--help`` is quick; what they work
with is imported inside the command.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from spikefill._version import __version__
from spikefill.cli import (
    console,
    data,
    demo,
    doctor,
    energy,
    evaluate,
    export,
    inpaint,
    inspect,
    masks,
    models,
    reproduce,
    serve,
    train,
)
from spikefill.errors import InputError

EXIT_DONE, EXIT_SOME_FAILED, EXIT_WRONG_CALL, EXIT_INTERRUPTED = 0, 1, 2, 130

_PARSER_ERROR: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""The base of the parser's errors: click's, or that of the click which typer carries since 0.29."""

app = typer.Typer(
    name="spikefill",
    help="Restore the missing parts of photographs with hybrid spiking-convolutional networks.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spikefill {__version__}")
        raise typer.Exit


@app.callback()
def _options_of_every_command(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more; show tracebacks.", envvar="SPIKEFILL_VERBOSE")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say results and errors only.", envvar="SPIKEFILL_QUIET")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if verbose and quiet:
        raise InputError("--verbose and --quiet are both given; choose one")
    console.set_verbosity(1 if verbose else -1 if quiet else 0)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


class _Interrupted(Exception):  # noqa: N818
    """Ctrl-C in a command; typer would turn `KeyboardInterrupt` itself into an exit code without a word."""


def _interruptible(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def called(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt as error:
            raise _Interrupted(str(error) or "interrupted") from error

    return called


for _command in (
    inpaint.inpaint,
    train.train,
    evaluate.evaluate,
    energy.energy,
    reproduce.reproduce,
    inspect.inspect,
    export.export,
    models.models,
    masks.masks,
    serve.serve,
    demo.demo,
    doctor.doctor,
):
    app.command(_command.__name__)(_interruptible(_command))

_data = typer.Typer(help="Pack photographs into shards.", rich_markup_mode=None)
_data.callback()(lambda: None)  # without it a single command would stand for the whole group
_data.command("shard")(_interruptible(data.shard))
app.add_typer(_data, name="data")


def main() -> None:
    """Runs the command line of this process and exits with its code."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Runs the command line; every error is one plain line on stderr.

    Args:
        arguments: The words after ``spikefill``; None takes the process's own.

    Returns:
        The exit code: 0 done, 1 some of the work failed, 2 a wrong call or unusable input, 130 interrupted.
    """
    try:
        result = app(args=arguments, prog_name="spikefill", standalone_mode=False)
    except (_Interrupted, KeyboardInterrupt, typer.Abort) as error:
        return _say(str(error) or "interrupted", EXIT_INTERRUPTED)
    except _PARSER_ERROR as error:
        return _say(error.format_message(), EXIT_WRONG_CALL)
    except InputError as error:
        return _say(str(error), EXIT_WRONG_CALL)
    except BrokenPipeError:  # whoever read our output has gone: so do we, without another error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SOME_FAILED
    except OSError as error:
        return _say(f"{error.filename or 'input or output'}: {error.strerror or error}", EXIT_WRONG_CALL)
    return result if isinstance(result, int) else EXIT_DONE


def _say(message: str, code: int) -> int:
    """One line on stderr, whatever the message; the traceback before it if ``--verbose`` was given."""
    if console.verbosity.level > 0:
        import traceback

        traceback.print_exc()
    print(f"spikefill: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return code
