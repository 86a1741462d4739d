"""Responses: structs encoded by msgspec, lists as JSON pages or as NDJSON."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from typing import Any, BinaryIO

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from factbook.api.bodies import NDJSON
from factbook.api.waiting import Followers, Form, Read

_PIECE_BYTES = 1 << 18
_encoder = msgspec.json.Encoder()


def json(value: Any, *, status: int = 200, location: str | None = None) -> Response:
    """Answer with a struct as JSON."""
    headers = {} if location is None else {"Location": location}
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def json_once(value: Any, *, location: str) -> Response:
    """Answer with a struct that was made and holds a secret: nobody on the way may keep it."""
    headers = {"Location": location, "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(value), 201, headers, "application/json")


def file(content: BinaryIO, size_bytes: int, media_type: str, *, name: str, report: Any) -> Response:
    """Answer with a file, which is closed afterwards; ``report`` goes as JSON into a header."""
    headers = {
        "Content-Length": str(size_bytes),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Export-Report": dumps(msgspec.to_builtins(report), separators=(",", ":")),
        "Cache-Control": "no-store",
    }
    pieces = iter(lambda: content.read(_PIECE_BYTES), b"")
    return StreamingResponse(pieces, 200, headers, media_type, background=BackgroundTask(content.close))


def rows(body: bytes, media_type: str, *, next_cursor: str | None) -> Response:
    """Answer with a page of data, which nobody on the way may keep."""
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if next_cursor is not None:
        headers["Next-Cursor"] = next_cursor
    return Response(body, 200, headers, media_type)


def no_content() -> Response:
    """Answer that it is done and there is nothing to say."""
    return Response(status_code=204)


def listing(request: Request, page: Any, items: Sequence[Any], *, following: tuple[str, str | int | None]) -> Response:
    """Answer with a page: as JSON, or its items one a line where the client accepts NDJSON.

    ``following`` is a header's name and its value; it tells an NDJSON client how to go on, as the page itself does in JSON.
    """
    if not accepts(request, NDJSON):
        return json(page)
    name, value = following
    headers = {"Vary": "Accept"} if value is None else {"Vary": "Accept", name: str(value)}
    return Response(_encoder.encode_lines(items), 200, headers, NDJSON)


def stream(followers: Followers, read: Read, form: Form, *, after_offset: int) -> Response:
    """Answer with a stream of the log that ends when the client goes; raises :class:`Overloaded` if there are too many."""
    followers.refuse_crowd()
    # Proxies that gather what they pass on would hold records back.
    headers = {"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"}
    return StreamingResponse(followers.stream(read, form, after_offset=after_offset), 200, headers, form.media_type)


def accepts(request: Request, media_type: str) -> bool:
    """Return whether the client asked for a type by name."""
    accepted = (part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    return media_type in accepted


def under_same_prefix(request: Request, path: str) -> str:
    """Return a path of ours under the prefix (``/api/v1`` or none) by which the request came."""
    prefix = "/api/v1" if request.url.path.startswith("/api/v1/") else ""
    return f"{request.scope.get('root_path', '')}{prefix}{path}"
