"""Stretches of time to look through one after the other, where looking through all of it at once would touch every month.

On PostgreSQL records lie in a partition a month. What many streams said, in the order of time, is found by one step into an index for each
stream and each month; a page is mostly full after the first months.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

_DAY = 86_400_000_000
_FIRST_DAYS = 62
_MOST_DAYS = 4_000

Stretch = tuple[int | None, int | None]
"""From a moment on, and before a moment; ``None`` is open."""


def stretches(since: int | None, until: int | None, begin: int, order: Literal["asc", "desc"]) -> Iterator[Stretch]:
    """Cut the time between two bounds into stretches, each twice as long as the one before, from ``begin`` on in the given order.

    Together they are the whole, without overlap; the last one is as open as the bounds are.
    """
    days = _FIRST_DAYS
    edge: int | None = since if order == "asc" else until
    while days < _MOST_DAYS:
        begin += days * _DAY if order == "asc" else -days * _DAY
        days *= 2
        if order == "asc":
            if until is not None and begin >= until:
                break
            if since is None or begin > since:
                yield edge, begin
                edge = begin
        else:
            if since is not None and begin <= since:
                break
            if until is None or begin < until:
                yield begin, edge
                edge = begin
    yield (edge, until) if order == "asc" else (since, edge)
