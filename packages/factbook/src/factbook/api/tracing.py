"""Give every request an id, write one log line about it, and let no unexpected error out."""

from __future__ import annotations

import re
import secrets
import time
from itertools import count
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers, MutableHeaders

from factbook.api import problems

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"

_SANE_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")

_PROCESS_ID = secrets.token_hex(8)
"""Random for each process, so that ids of requests never meet; asking the system for randomness at each request lets other threads in."""

_numbers = count(1)

_PATH_CHARACTERS = 1000
"""What a log line shows of a path."""

log = structlog.get_logger(__name__)


class Tracing:
    """The outermost layer. The id is the client's ``X-Request-ID`` where that is sane, else a new one; the response carries it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status: int | None = None
        started = time.perf_counter()

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id, method=scope["method"], path=scope["path"][:_PATH_CHARACTERS]):
            try:
                await self._app(scope, receive, send_traced)
            except Exception:  # the last one to see it: logged whole, answered without internals
                log.exception("request_broke")
                if status is None:
                    await problems.unexpected(path=scope["path"], request_id=request_id)(scope, receive, send_traced)
            finally:
                _log_end(scope, status, time.perf_counter() - started)


def request_id_of(scope: Scope) -> str:
    """Return the id the client gave the request, if it can safely stand in a header and a log, else a new one."""
    given = Headers(scope=scope).get(HEADER, "")
    return given if _SANE_ID.fullmatch(given) else f"{_PROCESS_ID}{next(_numbers):016x}"


def _log_end(scope: Scope, status: int | None, seconds: float) -> None:
    job_id = scope["state"].get("job_id") or scope.get("path_params", {}).get("job_id")
    known = {"job_id": job_id} if job_id else {}
    log.info("request", status=status, duration_ms=round(seconds * 1000, 2), **known)
