"""When to try again: backoff with jitter, ``Retry-After``, and an end to patience."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from factbook_sdk.errors import ServiceUnavailable

MAX_RETRY_AFTER_SECONDS = 3600.0
"""A service that asks for more is asked again after this long."""

T = TypeVar("T")


def backoff_seconds(attempt: int, *, first: float = 0.2, most: float = 30.0) -> float:
    """Return how long to wait after failure number ``attempt`` (from 1): anything up to a bound that doubles.

    Full jitter, so that clients that failed together do not come again together
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/); never less than a tenth of the bound.
    """
    bound = min(most, first * 2.0 ** min(attempt - 1, 32))
    return random.uniform(bound / 10, bound)  # noqa: S311 - spreads load, guards nothing


def read_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, from its number or its date (RFC 9110, 10.2.3).

    ``None`` for no header and for one that is neither. A date gone by asks for 0; nothing asks for more than an hour.
    """
    text = (value or "").strip()
    if text.isdecimal() and text.isascii():
        seconds = float(text[:12])
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        # A date without a zone is in UTC, as every date of HTTP is.
        seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def pause_seconds(error: Exception, attempt: int, *, most: float = 30.0) -> float:
    """Return how long to wait after a failure: what the service asked for, and a little jitter, else a backoff."""
    asked = error.retry_after_seconds if isinstance(error, ServiceUnavailable) else None
    if asked is None:
        return backoff_seconds(attempt, most=most)
    return asked + backoff_seconds(1)


def retrying(call: Callable[[], T], *, patience_seconds: float, sleep: Callable[[float], None] = time.sleep) -> T:
    """Call until it succeeds, for as long as the failure is :class:`ServiceUnavailable` and the next try falls within the patience."""
    deadline = time.monotonic() + patience_seconds
    attempt = 1
    while True:
        try:
            return call()
        except ServiceUnavailable as error:
            pause = pause_seconds(error, attempt, most=5.0)
            if time.monotonic() + pause > deadline:
                raise
        sleep(pause)
        attempt += 1
