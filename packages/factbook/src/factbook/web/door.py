"""The door of the pages: static files and signing in for everybody, and for who has signed in the credential that the guard looks for.

The session is a cookie that holds the token or key, sealed with the server's secret key (AES-GCM): nothing is kept on the server, every
process can read it, and a token that is revoked is refused like everywhere. It is sent to ``/ui`` alone, to no script, and with no request
that another site begins.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse

from factbook.errors import FactbookError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from factbook.app import Factbook

COOKIE = "factbook_session"
SESSION_SECONDS = 12 * 3600
_IDENTITY = "web-session"


def seal(factbook: Factbook, credential: str) -> str:
    """Return the value of a session's cookie."""
    return urlsafe_b64encode(factbook.secret_box.seal(credential, _IDENTITY)).decode()


def unseal(factbook: Factbook, value: str) -> str | None:
    """Return what a cookie holds; ``None`` for one that is not ours any more."""
    try:
        return factbook.secret_box.unseal(urlsafe_b64decode(value.encode()), _IDENTITY)
    except (FactbookError, ValueError):
        return None


class Door:
    """Stands before the guard."""

    def __init__(self, app: ASGIApp, *, factbook: Factbook, hall: Starlette) -> None:
        self._app = app
        self._factbook = factbook
        self._hall = hall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not (path == "/ui" or path.startswith("/ui/")):
            await self._app(scope, receive, send)
        elif path.startswith(("/ui/static/", "/ui/sign-in", "/ui/sign-out")):
            await self._hall(scope, receive, send)
        else:
            await self._enter(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        headers = scope["headers"]
        cookie = request.cookies.get(COOKIE)
        if cookie is not None and "authorization" not in request.headers:
            credential = unseal(self._factbook, cookie)
            if credential is not None:
                headers = [*headers, (b"authorization", b"Bearer " + credential.encode())]
        turned_away = False

        async def send_or_lead(message: Message) -> None:
            nonlocal turned_away
            if message["type"] == "http.response.start" and message["status"] == 401 and not request.url.path.endswith(".json"):
                turned_away = True
                return
            if not turned_away:
                await send(message)

        await self._app({**scope, "headers": headers}, receive, send_or_lead)
        if turned_away:
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            await RedirectResponse(f"/ui/sign-in?{urlencode({'to': to})}", 303)(scope, receive, send)
