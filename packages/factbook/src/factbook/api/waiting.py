"""Long polls: wait for new records without holding up everybody else."""

from __future__ import annotations

import time
from collections.abc import Callable

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from factbook.errors import TemporaryError
from factbook_sdk.repository.contract import TailPage

MAX_WAITING = 32
"""Each waiting client holds a thread and now and then a connection to the store."""

_SLICE_SECONDS = 2.0

Read = Callable[[int, float], TailPage]
"""Reads the tail after an offset, waiting at most so many seconds."""


class LongPolls:
    """The clients of one server that wait. They have threads of their own, so that other requests never queue behind them."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        self._limiter = CapacityLimiter(most)

    async def tail(self, request: Request, read: Read, *, after_offset: int, wait_seconds: float) -> TailPage:
        """Return what follows an offset, waiting in slices so that a client that went away frees its thread.

        Raises :class:`TemporaryError` when too many wait already.
        """
        deadline = time.monotonic() + wait_seconds
        page = await run_in_threadpool(read, after_offset, 0.0)
        while not page.records and (remaining := deadline - time.monotonic()) > 0 and not await request.is_disconnected():
            if self._limiter.available_tokens < 1:
                raise TemporaryError("Too many clients wait for new records", fix="Try again, or poll with wait_seconds=0")
            slice_seconds = min(remaining, _SLICE_SECONDS)
            page = await to_thread.run_sync(read, page.next_offset, slice_seconds, limiter=self._limiter)
        return page
