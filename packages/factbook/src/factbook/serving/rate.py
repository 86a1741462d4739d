"""How often one principal may ask: a bucket of tokens each, filled evenly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from factbook.errors import RateLimited

_MAX_KNOWN = 10_000


class RateLimit:
    """At most ``per_minute`` requests a minute of each principal, as many at once."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, tenant: str, principal: str) -> None:
        """Count a request; raises :class:`RateLimited` with the seconds to wait."""
        now = self._clock()
        rate = self._per_minute / 60
        with self._lock:
            if len(self._buckets) >= _MAX_KNOWN:
                self._forget(now, rate)
            left, since = self._buckets.get((tenant, principal), (float(self._per_minute), now))
            left = min(float(self._per_minute), left + (now - since) * rate)
            if left >= 1:
                self._buckets[tenant, principal] = left - 1, now
                return
            self._buckets[tenant, principal] = left, now
        raise RateLimited(
            f"{principal} asks too often",
            why=f"{self._per_minute:,} requests a minute are served",
            fix="Ask again after Retry-After seconds, or for more rows at a time",
            retry_after_seconds=(1 - left) / rate,
        )

    def _forget(self, now: float, rate: float) -> None:
        """Leave out buckets that are full again, and if that is not enough, all of them."""
        full = float(self._per_minute)
        self._buckets = {key: (left, since) for key, (left, since) in self._buckets.items() if left + (now - since) * rate < full}
        if len(self._buckets) >= _MAX_KNOWN:
            self._buckets = {}
