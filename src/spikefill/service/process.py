"""What runs in each of the service's processes: it takes one task after the other from a pipe."""

from __future__ import annotations

import traceback
from contextlib import suppress
from enum import StrEnum
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

from spikefill.batch import ModelChoice
from spikefill.errors import InputError
from spikefill.inpainting import Cancelled
from spikefill.processes import give_memory_back, prepare_child
from spikefill.service.toolbox import Toolbox, warm_up


class Kind(StrEnum):
    """What a process says; each comes with a content.

    The last four end a task: the content is its result, the message of the `InputError`, None, or the traceback.
    Before the first task there is either ``READY`` or ``REFUSED`` (the model cannot be read).
    """

    READY = "ready"
    PROGRESS = "progress"
    RESULT = "result"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


def run_process(
    pipe: Connection, stopped: Event, model: ModelChoice, *, threads: int, largest_megapixels: float
) -> None:
    """Does the tasks that come through a pipe until it is closed.

    Args:
        pipe: Gives tasks; takes what is said of them, as pairs of a `Kind` and a content.
        stopped: Set while the present task is to stop.
        model: The service's own.
        threads: As for `prepare_child`.
        largest_megapixels: As for `Toolbox`.
    """
    prepare_child(threads)

    def tell(share: float) -> None:
        pipe.send((Kind.PROGRESS, share))

    toolbox = Toolbox(model, largest_megapixels, tell, stopped.is_set)
    try:
        warm_up(toolbox.inpainter())
    except InputError as error:
        pipe.send((Kind.REFUSED, str(error)))
        return
    pipe.send((Kind.READY, None))
    with suppress(EOFError, BrokenPipeError):  # the service has gone
        while True:
            pipe.send(_done(pipe.recv(), toolbox))
            give_memory_back()


def _done(task: Any, toolbox: Toolbox) -> tuple[Kind, Any]:
    try:
        return Kind.RESULT, task.run(toolbox)
    except InputError as error:
        return Kind.REFUSED, str(error)
    except Cancelled:
        return Kind.CANCELLED, None
    except Exception:  # the next task may fare better
        return Kind.FAILED, traceback.format_exc()
