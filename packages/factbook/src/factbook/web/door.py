"""The door of the pages: static files and signing in for everybody, and for who has signed in the credential that the guard looks for.

A form is sent on as the JSON object of its fields, if our own page sent it: guard and routes then treat it as they treat every body.

The session is a cookie that holds the token or key, sealed with the server's secret key (AES-GCM): nothing is kept on the server, every
process can read it, and a token that is revoked is refused like everywhere. It is sent to ``/ui`` alone, to no script, and with no request
that another site begins.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

from factbook.errors import FactbookError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from factbook.app import Factbook

COOKIE = "factbook_session"
SESSION_SECONDS = 12 * 3600
MAX_FORM_BYTES = 100_000
FORM = "application/x-www-form-urlencoded"
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
        if scope["method"] == "POST" and _is_form(request):
            if not is_own_form(request):
                await PlainTextResponse("The form was sent by another site.", 403)(scope, receive, send)
                return
            body = await bounded_body(request)
            if body is None:
                await PlainTextResponse("The form is too long.", 413)(scope, receive, send)
                return
            headers, receive = _as_json(headers, body)
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


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", FORM).partition(";")[0].strip().lower() == FORM


def is_own_form(request: Request) -> bool:
    """Return whether a form was sent by our own page. Browsers say so; SameSite alone would let a page of a sibling domain in."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    return site in (None, "same-origin", "none") and (origin is None or origin == f"{request.url.scheme}://{request.headers.get('host')}")


async def bounded_body(request: Request) -> bytes | None:
    """Return the body of a form; ``None`` for one that is longer than any of ours."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM_BYTES:
            return None
    return body


def _as_json(headers: Sequence[tuple[bytes, bytes]], form: bytes) -> tuple[list[tuple[bytes, bytes]], Receive]:
    """Return a request's headers and body with the fields of a form as a JSON object; fields left empty are left out."""
    fields = {name: values[-1] for name, values in parse_qs(form.decode("utf-8", "replace")).items()}
    body = msgspec.json.encode(fields)
    kept = [(name, value) for name, value in headers if name not in (b"content-type", b"content-length", b"transfer-encoding")]

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())], receive
