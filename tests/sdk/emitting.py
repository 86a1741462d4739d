"""A pipeline for tests: emits numbered events, and says after each hundred how many of them outlive it. Tests kill it."""

from __future__ import annotations

import sys
import time

from factbook_sdk.emitter import Emitter, EmitterOptions
from factbook_sdk.testing.records import event


def main(url: str, spool: str, first: int, count: int, pause_seconds: float) -> None:
    options = EmitterOptions(batch_records=100, batch_seconds=0.02, spool_seconds=0.005, max_pause_seconds=0.2)
    with Emitter(url, spool=spool, options=options) as emitter:
        for number in range(first, first + count):
            emitter.emit(event(number))
            if number % 100 == 99:
                counters = emitter.counters()
                print(counters.taken - counters.in_memory, flush=True)
                time.sleep(pause_seconds)
        emitter.flush(60)
        counters = emitter.counters()
        print(counters.taken - counters.in_memory, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
