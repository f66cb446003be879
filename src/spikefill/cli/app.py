"""The frame of the command line: the list of commands, options for all of them, and how every error is said.

Command modules import only typer and the standard library at their top, so that ``--help`` is quick; what they work
with is imported inside the command.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from spikefill._version import __version__
from spikefill.cli import console, doctor, inpaint, masks
from spikefill.cli import evaluate as evaluate_command
from spikefill.cli import train as train_command
from spikefill.errors import InputError

_PARSER_ERROR: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == 'ClickException')

EXIT_DONE, EXIT_SOME_FAILED, EXIT_WRONG_CALL, EXIT_INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="spikefill",
    help="Restore the missing parts of photographs with hybrid spiking-convolutional networks.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spikefill {__version__}")
        raise typer.Exit


@app.callback()
def _options_of_every_command(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show tracebacks.", envvar="SPIKEFILL_VERBOSE")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say results and errors only.", envvar="SPIKEFILL_QUIET")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if verbose and quiet:
        raise InputError("--verbose and --quiet are both given; choose one")
    console.set_verbosity(1 if verbose else -1 if quiet else 0)


app.command("inpaint")(inpaint.inpaint)
app.command("train")(train_command.train)
app.command("evaluate")(evaluate_command.evaluate)
app.command("masks")(masks.masks)
app.command("doctor")(doctor.doctor)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 some of the work failed, 2 a wrong call or unusable input, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code; every error is one plain line on stderr."""
    try:
        result = app(args=arguments, prog_name="spikefill", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", EXIT_INTERRUPTED)
    except _PARSER_ERROR as error:
        return _say(error.format_message(), EXIT_WRONG_CALL)
    except InputError as error:
        return _say(str(error), EXIT_WRONG_CALL)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SOME_FAILED
    except OSError as error:
        return _say(f"{error.filename or 'input or output'}: {error.strerror or error}", EXIT_WRONG_CALL)
    return result if isinstance(result, int) else EXIT_DONE


def _say(message: str, code: int) -> int:
    if console.verbosity.level > 0:
        import traceback

        traceback.print_exc()
    line = " ".join(message.split())
    print(f"spikefill: {line}", file=sys.stderr)  # noqa: T201
    return code
