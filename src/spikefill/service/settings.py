"""What the service may be told: where it listens, with which model, who may use it, and how much of it."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from spikefill.errors import InputError
from spikefill.models import DEFAULT
from spikefill.validation import first_problem

SHORTEST_TOKEN = 16
"""Characters that a token must have at least: a shorter one can be guessed."""

_USUAL_PROCESSES = 2
"""Unless told otherwise, whatever the number of cores: each holds the model and a photograph."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ServiceSettings(BaseModel):
    """Validated settings of the service.

    Attributes:
        host: The address to listen at.
        port: Its port; 0 takes a free one.
        model: As for `inpainting.load`.
        token: What a client must give; None where none is asked for.
        no_token: Others may reach the service without a token, since something else guards it.
        largest_megabytes: Of a request.
        largest_megapixels: Of a photograph, and of a mask.
        seconds: That a photograph may take, from when it is begun.
        patience: Seconds for which a client need not send or fetch anything; beyond them ``slowest`` counts.
        slowest: Kilobytes a second that a client must send, or fetch.
        requests: To restore or adjust, that may be read, worked on and answered at a time.
        processes: That restore, one photograph each at a time.
        threads: Of each process.
        queue: Photographs that may wait for a process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    model: str = DEFAULT
    token: SecretStr | None = None
    no_token: bool = False
    largest_megabytes: Annotated[float, Field(gt=0, le=4000)] = 64
    largest_megapixels: Annotated[float, Field(gt=0, le=500)] = 50
    seconds: Annotated[float, Field(gt=0)] = 120
    patience: Annotated[float, Field(gt=0)] = 10
    slowest: Annotated[float, Field(gt=0)] = 16
    requests: Annotated[int, Field(ge=1)] = 24
    processes: Annotated[int, Field(ge=1, le=60)] = Field(default_factory=lambda: min(_USUAL_PROCESSES, _cores()))
    threads: Annotated[int, Field(ge=1)] = Field(default_factory=lambda: max(1, _cores() // _USUAL_PROCESSES))
    queue: Annotated[int, Field(ge=0)] = 16

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if self.token is not None and len(self.token.get_secret_value()) < SHORTEST_TOKEN:
            raise InputError(f"the token is too short; it must have at least {SHORTEST_TOKEN} characters")
        if self.token is not None and self.no_token:
            raise InputError("a token is given, and no_token, too; leave one out")
        if not (self.loopback or self.token or self.no_token):
            raise InputError(
                f"host is {self.host}, which others may reach; give --token-file, or --no-token if something else "
                "guards it"
            )
        return self

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Settings from values; those that are None stay as they are.

        Raises:
            InputError: One of them is wrong; the line names it.
        """
        try:
            return cls(**{name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            raise InputError(first_problem(error, lambda _: cls.model_fields)) from error

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the host."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own; other names may be anywhere."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: str | Path) -> str:
    """The token in a file: its text without the white space around it.

    Raises:
        InputError: The file cannot be read, or holds no line of ASCII.
    """
    try:
        token = Path(path).read_text("ascii").strip()
    except OSError as error:
        raise InputError(f"cannot read token file {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"token file {path} holds other characters than those of ASCII") from error
    if len(token.split()) != 1:
        raise InputError(f"token file {path} must hold one word, such as 'openssl rand -hex 32' makes")
    return token
