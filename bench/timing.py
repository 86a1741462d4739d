"""How often a second something can be done."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def rate(act: Callable[[], object], *, threads: int, seconds: float) -> float:
    """Return how often a second ``act`` is done when so many threads do it all the time."""
    counts = [0] * threads
    begun = time.perf_counter()

    def work(place: int) -> None:
        while time.perf_counter() - begun < seconds:
            act()
            counts[place] += 1

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, place) for place in range(threads)]:
            done.result()
    return sum(counts) / (time.perf_counter() - begun)
