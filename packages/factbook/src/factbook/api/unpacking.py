"""Bodies packed by gzip (RFC 1952), unpacked piece by piece: what is small on the wire must not become large in memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from factbook.api import problems
from factbook.api.problems import BodyTooLarge, UnsupportedBody
from factbook.errors import InvalidRequest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GZIP = 16 + zlib.MAX_WBITS
_ENCODINGS = ("gzip", "x-gzip")
_MAX_MEMBERS = 1_000
"""Each costs a copy of what follows it, so that a body of nothing but empty ones would cost its size squared."""


class Unpacking:
    """Unpack what comes with ``Content-Encoding: gzip``, up to ``max_bytes``; other encodings are refused."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = Headers(scope=scope).get("content-encoding", "").strip().lower() if scope["type"] == "http" else ""
        if encoding in ("", "identity"):
            await self._app(scope, receive, send)
        elif encoding in _ENCODINGS:
            await self._app(scope, _unpacked(receive, GzipBody(self._max_bytes)), send)
        else:
            refusal = UnsupportedBody(f"A body packed as {encoding} is not taken", fix="Pack it by gzip, or send it as it is")
            sent = problems.answer(
                refusal, path=scope["path"], request_id=scope["state"]["request_id"], headers={"Accept-Encoding": "gzip"}
            )
            await sent(scope, receive, send)


class GzipBody:
    """One packed body. Several members one after another are one body, as the format has it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._unpacked = 0
        self._members = 1
        self._member = zlib.decompressobj(_GZIP)

    def feed(self, packed: bytes, *, is_last: bool) -> bytes:
        """Unpack a piece; raises :class:`BodyTooLarge` at the first byte too many, :class:`InvalidRequest` for what is no gzip."""
        parts = []
        try:
            while packed:
                if self._member.eof:
                    self._begin_member()
                parts.append(self._member.decompress(packed, self._max_bytes - self._unpacked + 1))
                self._unpacked += len(parts[-1])
                if self._unpacked > self._max_bytes:
                    raise _too_large(self._max_bytes)
                packed = self._member.unused_data or self._member.unconsumed_tail
        except zlib.error as error:
            raise InvalidRequest("The body is no gzip", why=str(error), fix="Pack it again, or send it without Content-Encoding") from error
        if is_last and not self._member.eof:
            raise InvalidRequest("The body ends in the middle of its gzip", fix="Send it again, whole")
        return b"".join(parts)

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise InvalidRequest("The body has too many gzip members", why=f"at most {_MAX_MEMBERS:,} are taken", fix="Pack it in one")
        self._member = zlib.decompressobj(_GZIP)


def _unpacked(receive: Receive, body: GzipBody) -> Receive:
    async def receive_unpacked() -> Message:
        message = await receive()
        if message["type"] != "http.request":
            return message
        is_last = not message.get("more_body", False)
        return {**message, "body": body.feed(message.get("body", b""), is_last=is_last)}

    return receive_unpacked


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        "The body is too large when unpacked",
        why=f"at most {max_bytes:,} bytes are taken",
        fix="Send it in parts, or raise MAX_BODY_BYTES on the server",
    )
