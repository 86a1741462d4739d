"""How many exports one server makes at a time: each holds a thread and some of the processor until it is made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from factbook.api.problems import Overloaded

MAX_EXPORTS = 4


def places() -> threading.BoundedSemaphore:
    """Return the places there are, for the state of an application."""
    return threading.BoundedSemaphore(MAX_EXPORTS)


@contextmanager
def one_of_few(request: Request) -> Iterator[None]:
    """Hold one of the places while the block runs; raises :class:`Overloaded` if all are taken."""
    free: threading.BoundedSemaphore = request.app.state.exports
    if not free.acquire(blocking=False):
        raise Overloaded("Too many exports are being made", why=f"at most {MAX_EXPORTS} are at a time", fix="Try again later")
    try:
        yield
    finally:
        free.release()
