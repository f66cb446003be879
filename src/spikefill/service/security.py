"""Who may use the service: those with the token, from its own pages, and nobody by way of another site's."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from spikefill.service.problems import Problem
from spikefill.service.settings import ServiceSettings, is_loopback

COOKIE = "spikefill"
"""The name of the cookie that a browser gets for the token."""

COOKIE_SECONDS = 7 * 24 * 3600
"""How long it is good for."""

LOGIN_PATH = "/login"
OPEN_PATHS = (LOGIN_PATH, "/healthz", "/readyz")
"""What needs no token."""

_VISITOR = "visitor"


class Access:
    """Tells whether a request comes from somebody who has the token.

    Args:
        settings: Of the service; without a token everybody may use it.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._token = settings.token.get_secret_value().encode() if settings.token is not None else None

    def user(self, request: Request) -> str | None:
        """A name for who asks, or None if they may not; what Gradio's ``auth_dependency`` is to be."""
        return _VISITOR if self.allows(request) else None

    def allows(self, request: HTTPConnection) -> bool:
        """Whether the request has the token, as a bearer or by the cookie."""
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        return self._is_cookie(request.cookies.get(COOKIE, ""))

    def is_token(self, given: str) -> bool:
        """Whether a text is the token; it takes as long wherever the two differ."""
        return self._token is not None and hmac.compare_digest(given.encode(), self._token)

    def new_cookie(self) -> str:
        """A cookie's value, good for `COOKIE_SECONDS`; the token cannot be told from it."""
        return self._signed(str(int(time.time()) + COOKIE_SECONDS))

    def _is_cookie(self, given: str) -> bool:
        end = given.partition(".")[0]
        if not (end.isascii() and end.isdigit() and hmac.compare_digest(given.encode(), self._signed(end).encode())):
            return False
        return int(end) > time.time()

    def _signed(self, end: str) -> str:
        assert self._token is not None
        return f"{end}.{hmac.new(self._token, end.encode(), hashlib.sha256).hexdigest()}"


class Guard:
    """Middleware that lets through what `Access` allows, and what comes from no other site.

    A request that names another site as its origin is refused: no page but the service's own may use it through the
    browser of somebody who can. Where no token is asked for and the service listens for this machine alone, the host
    that the request names must be this machine, too: another site's name may be made to mean 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, access: Access, settings: ServiceSettings) -> None:
        self._app, self._access = app, access
        self._local_alone = settings.loopback and settings.token is None and not settings.no_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        problem = self._problem(connection)
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail})
        elif problem.status == 401 and scope["method"] == "GET" and "text/html" in connection.headers.get("accept", ""):
            here = quote(scope["path"])
            await RedirectResponse(f"{LOGIN_PATH}?next={here}", status_code=303)(scope, receive, send)
        else:
            await problem.answer()(scope, receive, send)

    def _problem(self, connection: HTTPConnection) -> Problem | None:
        headers = connection.headers
        host = headers.get("host", "")
        if self._local_alone and not is_loopback(_split(f"//{host}")[0]):
            return Problem(403, f"host is {host!r}; without a token it must be localhost, 127.0.0.1 or [::1]")
        if "origin" in headers and not _same_site(headers):
            return Problem(403, f"origin is {headers['origin']!r}; only pages of {host} itself may use the service")
        # Not `connection.url`: older versions of Starlette make it of what the request names as its host.
        if connection.scope["path"] not in OPEN_PATHS and not self._access.allows(connection):
            how = f"send the header 'Authorization: Bearer TOKEN', or log in at {LOGIN_PATH}"
            return Problem(401, f"a token is needed; {how}", {"WWW-Authenticate": 'Bearer realm="spikefill"'})
        return None


def _same_site(headers: Headers) -> bool:
    origin = _split(headers["origin"])
    return origin == _split(f"//{headers.get('host', '')}") and bool(origin[0])


def _split(address: str) -> tuple[str, int | None]:
    """Host, in small letters, and port of an address; an empty host for what is none."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "", None
    return host or "", port
