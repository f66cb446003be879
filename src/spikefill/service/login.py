"""How a browser gets in: a form for the token, which becomes a cookie."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from spikefill.service.security import COOKIE, COOKIE_SECONDS, LOGIN_PATH, Access

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Spikefill: log in</title>
<style>
  :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
  body { display: grid; place-items: center; min-height: 90vh; }
  form { display: grid; gap: 1rem; width: min(22rem, 85vw); }
  h1 { font-size: 1.4rem; margin: 0; }
  input, button { font: inherit; padding: 0.6rem; width: 100%%; box-sizing: border-box; }
  [role=alert] { margin: 0; color: light-dark(#b00020, #ff8a80); }
</style>
<form method="post" action="%(action)s">
  <h1>Spikefill</h1>
  %(alert)s
  <label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
  <input name="next" type="hidden" value="%(next)s">
  <button>Log in</button>
</form>
</html>
"""

_HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": "frame-ancestors 'none'"}


def login_routes(access: Access) -> APIRouter:
    """The form at `LOGIN_PATH`, and ``/logout``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(LOGIN_PATH)
    async def form(request: Request) -> Response:
        return _form(request.query_params.get("next", "/"))

    @routes.post(LOGIN_PATH)
    async def log_in(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=2) as fields:
            token, following = (str(fields.get(name, "")) for name in ("token", "next"))
        if not access.is_token(token.strip()):
            return _form(following, alert="That is not the token.", status=401)
        answer = RedirectResponse(_own(following), status_code=303)
        answer.set_cookie(
            COOKIE, access.new_cookie(), COOKIE_SECONDS, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    @routes.post("/logout")
    async def log_out() -> Response:
        answer = RedirectResponse(LOGIN_PATH, status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer

    return routes


def _form(following: str, *, alert: str = "", status: int = 200) -> Response:
    said = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    page = _PAGE % {"action": LOGIN_PATH, "alert": said, "next": escape(_own(following))}
    return HTMLResponse(page, status, _HEADERS)


def _own(path: str) -> str:
    """A path of this service; of anything else, its first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"
