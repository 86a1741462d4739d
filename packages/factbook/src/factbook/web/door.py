"""The door of the pages: static files and signing in for everybody, and for who has signed in the credential that the guard looks for.

A form is sent on as the JSON object of its fields, if our own page sent it: guard and routes then treat it as they treat every body.

The session is a cookie that holds the token or key, sealed with the server's secret key (AES-GCM): nothing is kept on the server, every
process can read it, and a token that is revoked is refused like everywhere. It is sent to ``/ui`` alone, to no script, and with no request
that another site begins.

Errors come back from the guard and the routes as problem details; where a page was asked for, they leave as pages.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse

from factbook.api.access import Asking
from factbook.api.problems import PROBLEM_JSON, BodyTooLarge, Problem, answer
from factbook.api.tracing import request_id_of
from factbook.errors import FactbookError, NotAllowed
from factbook.web.moments import without_unread
from factbook.web.rendering import is_part, problem_page, wants_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from factbook.app import Factbook

COOKIE = "factbook_session"
SESSION_SECONDS = 12 * 3600
MAX_FORM_BYTES = 100_000
FORM = "application/x-www-form-urlencoded"
_IDENTITY = "web-session"


def seal(factbook: Factbook, credential: str) -> str:
    """Return the value of a session's cookie, which says when the session ends: a cookie that somebody kept is no good then either."""
    ends = int(time.time()) + SESSION_SECONDS
    return urlsafe_b64encode(factbook.secret_box.seal(f"{ends} {credential}", _IDENTITY)).decode()


def unseal(factbook: Factbook, value: str) -> str | None:
    """Return the credential that a cookie holds; ``None`` for one that is not ours any more, or over."""
    try:
        ends, _, credential = factbook.secret_box.unseal(urlsafe_b64decode(value.encode()), _IDENTITY).partition(" ")
        return credential if time.time() < int(ends) else None
    except (FactbookError, ValueError):
        return None


class Door:
    """Stands before the guard."""

    def __init__(self, app: ASGIApp, *, factbook: Factbook, hall: Starlette) -> None:
        self._app = app
        self._factbook = factbook
        self._hall = hall
        # Nothing secret stands on a page beside what an address or a form brought there, and no other site can send either.
        self._pages = GZipMiddleware(self._enter, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and path == "/":
            await RedirectResponse(f"{scope.get('root_path', '').rstrip('/')}/ui")(scope, receive, send)
        elif scope["type"] != "http" or not (path == "/ui" or path.startswith("/ui/")):
            await self._app(scope, receive, send)
        elif path.startswith("/ui/static/") or path in ("/ui/sign-in", "/ui/sign-out"):
            await self._hall(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        query, unread = _asked(scope["query_string"]), None
        if scope["method"] in ("GET", "HEAD") and not wants_json(Request(scope)):
            query, unread = without_unread(query)
        state = {**scope.get("state", {}), "asking": Asking(), "unread_moment": unread}
        inner = {**scope, "state": state, "query_string": query}
        inner["headers"] = self._with_credential(scope)
        request = Request(inner)
        shown = _Shown(request, send)
        if scope["method"] not in ("GET", "HEAD"):
            refusal, body = await _judge(request, receive)
            if refusal is not None:
                await answer(refusal, path=request.url.path, request_id=request_id_of(scope))(inner, receive, shown.send)
                await shown.end(receive)
                return
            if body is not None:
                inner["headers"], receive = _as_json(inner["headers"], body)
        await self._app(inner, receive, shown.send)
        await shown.end(receive)

    def _with_credential(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers with the credential of the session, if the request brings none itself."""
        request, headers = Request(scope), list(scope["headers"])
        cookie = request.cookies.get(COOKIE)
        credential = None if cookie is None or "authorization" in request.headers else unseal(self._factbook, cookie)
        return headers if credential is None else [*headers, (b"authorization", b"Bearer " + credential.encode())]


class _Shown:
    """Passes an answer on, unless it is a problem and a page was asked for: then a page says it, or the way leads to signing in."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self._problem: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not wants_json(self._request) and _is_problem(message):
            self._problem = message
        elif self._problem is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")

    async def end(self, receive: Receive) -> None:
        """Show the problem that was held back, if there was one."""
        if self._problem is None:
            return
        request, problem = self._request, msgspec.json.decode(self._body, type=Problem)
        if problem.status == 401 and request.method == "GET" and not is_part(request):
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            page: Response = RedirectResponse(f"/ui/sign-in?{urlencode({'to': to})}", 303)
        else:
            page = problem_page(request, problem)
            kept = {b"allow", b"retry-after", b"connection", b"x-request-id"}
            page.raw_headers.extend((name, value) for name, value in self._problem["headers"] if name.lower() in kept)
        await page(request.scope, receive, self._send)


def _is_problem(message: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(PROBLEM_JSON.encode()) for name, value in message["headers"])


def _asked(query: bytes) -> bytes:
    """Return a query without what a form left empty."""
    return urlencode([(name, value) for name, value in parse_qsl(query.decode("latin-1")) if value.strip()]).encode()


async def _judge(request: Request, receive: Receive) -> tuple[FactbookError | None, bytes | None]:
    """Return why what was sent is refused, else its body, if it is a form."""
    if not is_own_form(request):
        wrong = NotAllowed("Another site sent this", why="only Factbook's own pages may", fix="Open the page here and send it again")
        return wrong, None
    if request.headers.get("content-type", FORM).partition(";")[0].strip().lower() != FORM:
        return None, None
    body = await bounded_body(Request(request.scope, receive))
    if body is None:
        return BodyTooLarge("The form is too long", why=f"at most {MAX_FORM_BYTES:,} bytes are taken", fix="Send less"), None
    return None, body


def is_own_form(request: Request) -> bool:
    """Return whether a form was sent by our own page. Browsers say so; SameSite alone would let a page of a sibling domain in."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    return site in (None, "same-origin", "none") and (origin is None or urlsplit(origin).netloc == request.headers.get("host"))


async def bounded_body(request: Request) -> bytes | None:
    """Return the body of a form; ``None`` for one that is longer than any of ours."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM_BYTES:
            return None
    return body


def _as_json(headers: Sequence[tuple[bytes, bytes]], form: bytes) -> tuple[list[tuple[bytes, bytes]], Receive]:
    """Return a request's headers and body with the fields of a form as a JSON object. Fields left empty are left out; a name that ends in
    ``[]`` stands for the list of all its values."""
    sent = parse_qs(form.decode("utf-8", "replace"))
    fields = {name.removesuffix("[]"): values if name.endswith("[]") else values[-1] for name, values in sent.items()}
    body = msgspec.json.encode(fields)
    kept = [(name, value) for name, value in headers if name not in (b"content-type", b"content-length", b"transfer-encoding")]

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())], receive
