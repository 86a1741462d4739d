"""Those who follow the log: long polls and streams. One thread watches the end of the log for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from factbook.api.problems import Overloaded
from factbook.errors import KeyRequired
from factbook_sdk.repository.contract import StoredRecord, TailPage

MAX_FOLLOWERS = 1_000
"""Each holds a connection of ours and, while it reads, for a moment a thread."""

STREAM_PAGE = 1_000
"""Records that a stream reads at a time."""

HEARTBEAT_SECONDS = 15.0
"""A stream that has nothing to say says so this often, or proxies would take it for dead."""

_SLICE_SECONDS = 1.0

Read = Callable[[int], TailPage]
"""Reads the tail after an offset, without waiting."""


class Form(Protocol):
    """How a stream is written."""

    media_type: str

    def records(self, page: TailPage) -> bytes:
        """Return what tells of a page."""

    def heartbeat(self, offset: int) -> bytes:
        """Return what says that there is nothing new up to an offset."""


class Lines:
    """NDJSON: one stored record a line, and an empty line as a heartbeat."""

    media_type = "application/x-ndjson"

    def records(self, page: TailPage) -> bytes:
        return msgspec.json.Encoder().encode_lines(page.records)

    def heartbeat(self, offset: int) -> bytes:
        return b"\n"


class ServerSentEvents:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): an event a record, its id is the offset.

    A heartbeat is an id without data: it raises no event, but a client that comes again sends it as ``Last-Event-ID``.
    """

    media_type = "text/event-stream"

    def records(self, page: TailPage) -> bytes:
        return b"".join(self._event(item) for item in page.records)

    def heartbeat(self, offset: int) -> bytes:
        return b"id: %d\n\n" % offset

    @staticmethod
    def _event(item: StoredRecord) -> bytes:
        return b"id: %d\nevent: record\ndata: %b\n\n" % (item.offset, msgspec.json.encode(item))


class Followers:
    """The clients of one server that follow its log. ``wait`` returns the log's end once it lies beyond an offset, or the time is over."""

    def __init__(self, wait: Callable[[int, float], int]) -> None:
        self._wait = wait
        self._end = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._limiter = CapacityLimiter(1)
        self.count = 0

    def refuse_crowd(self) -> None:
        """Raise :class:`Overloaded` if one more follower is too many."""
        if self.count >= MAX_FOLLOWERS:
            raise Overloaded("Too many clients follow the log", why=f"at most {MAX_FOLLOWERS:,} do at a time", fix="Try again later")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1

    async def poll(self, request: Request, read: Read, *, after_offset: int, wait_seconds: float) -> TailPage:
        """Return what follows an offset, waiting for it at most so long, and no longer than the client does."""
        deadline = time.monotonic() + wait_seconds
        page = await run_in_threadpool(read, after_offset)
        if page.records or wait_seconds <= 0:
            return page
        self.refuse_crowd()
        with self._counted():
            while not page.records and (remaining := deadline - time.monotonic()) > 0 and not await request.is_disconnected():
                if await self._grows_beyond(page.next_offset, min(remaining, _SLICE_SECONDS)):
                    page = await run_in_threadpool(read, page.next_offset)
        return page

    async def stream(self, read: Read, form: Form, *, after_offset: int) -> AsyncIterator[bytes]:
        """Yield what follows an offset, for as long as the client takes it. A slow client holds up nobody but itself."""
        with self._counted():
            yield form.heartbeat(after_offset)
            while True:
                try:
                    page = await run_in_threadpool(read, after_offset)
                except KeyRequired:
                    # The token that began the stream is over, and so is the stream; whoever comes again is told why.
                    return
                after_offset = page.next_offset
                if page.records:
                    yield form.records(page)
                elif not await self._grows_beyond(after_offset, HEARTBEAT_SECONDS):
                    yield form.heartbeat(after_offset)

    async def _grows_beyond(self, offset: int, seconds: float) -> bool:
        """Wait until the log may reach beyond an offset; return whether it may."""
        if self._end > offset:
            # Whoever finds nothing there, because the log was emptied meanwhile, waits the next time.
            self._end = offset
            return True
        grown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(grown)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(seconds):
                await grown
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(grown)
        return True

    async def _watch(self) -> None:
        """Tell all who wait about the log's growth, until nobody waits."""
        while self._waiting:
            try:
                end = await to_thread.run_sync(self._wait, self._end, _SLICE_SECONDS, limiter=self._limiter)
            except Exception as error:  # noqa: BLE001 - handed to every request that waits
                for grown in self._waiting:
                    if not grown.done():
                        grown.set_exception(error)
                return
            # A store that was emptied and filled again may end earlier.
            grew, self._end = end != self._end, end
            for grown in self._waiting if grew else ():
                if not grown.done():
                    grown.set_result(None)
