"""Request bodies: how large they may be, and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request

from factbook.api import problems
from factbook.api.problems import BodyTooLarge, UnsupportedBody
from factbook.errors import InvalidRequest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NDJSON = "application/x-ndjson"

T = TypeVar("T")


class BodyLimit:
    """Refuse a body over ``max_bytes``: by its declared length before it is read, else at the first byte too many."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            await problems.answer(self._too_large(), path=scope["path"], request_id=scope["state"]["request_id"])(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, receive_counted, send)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            "The body is too large",
            why=f"at most {self._max_bytes:,} bytes are taken",
            fix="Send it in parts, or raise MAX_BODY_BYTES on the server",
        )


async def _read(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_read)]
"""The bytes of the body."""


def is_ndjson(request: Request) -> bool:
    """Return whether the body is said to be NDJSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == NDJSON


def holds_one(request: Request, body: bytes) -> bool:
    """Return whether the body is a single JSON value and no list."""
    return not is_ndjson(request) and not body.lstrip().startswith(b"[")


def json_body(expected: type[T], *, empty: Callable[[], T] | None = None) -> Any:
    """Return a dependency that decodes a JSON body into a struct; ``empty`` makes one where there is no body."""

    async def read(request: Request) -> T:
        body = await request.body()
        if not body.strip() and empty is not None:
            return empty()
        if is_ndjson(request):
            raise UnsupportedBody("NDJSON is not taken here", fix="Send one JSON object as application/json")
        return decode(body, expected)

    return Depends(read)


def decode(text: bytes, expected: type[T], name: str = "The body") -> T:
    """Decode JSON; raises :class:`InvalidRequest` naming the field that is wrong. ``name`` is what the client knows the text by."""
    try:
        return msgspec.json.decode(text, type=expected)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRequest(f"{name} is wrong", why=message, field=path.rstrip("`").lstrip(".") or None) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{name} is no JSON", why=str(error), fix="Send JSON in UTF-8") from error
    except RecursionError as error:
        raise InvalidRequest(f"{name} is nested too deep", fix="Flatten it") from error
