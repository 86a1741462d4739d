"""Records in memory, between those who emit and the threads that bring them on. Bounded; nothing waits to put one in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from factbook_sdk.errors import EmitterFull


class Queue:
    """Encoded records, numbered from 1 in the order in which they came. Not safe by itself: the emitter's lock guards it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lines: deque[bytes] = deque()
        self.size_bytes = 0
        self.taken = 0
        self.refused = 0

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def passed_on(self) -> int:
        """The number of the last record that is no longer here."""
        return self.taken - len(self._lines)

    def put(self, line: bytes, trouble: Exception | None) -> None:
        """Take a record; raises :class:`EmitterFull` where there is no room, naming what has kept the others from leaving."""
        if self.size_bytes + len(line) > self._max_bytes:
            self.refused += 1
            raise EmitterFull(
                "The emitter is full, so the record was not taken",
                why=f"{len(self._lines):,} records wait in memory" + (f"; {trouble}" if trouble else ""),
                fix="Emit it again later, or allow more by max_memory_bytes or max_spool_bytes",
            )
        self._lines.append(line)
        self.size_bytes += len(line)
        self.taken += 1

    def first(self, most_records: int, most_bytes: int) -> Sequence[bytes]:
        """Return the oldest records, which stay here: at least one, if there is any, else as many as fit."""
        found: list[bytes] = []
        size = 0
        for line in self._lines:
            size += len(line)
            if found and (len(found) >= most_records or size > most_bytes):
                break
            found.append(line)
        return found

    def drop(self, count: int) -> None:
        """Let go of the oldest records, which have arrived somewhere else."""
        for _ in range(count):
            self.size_bytes -= len(self._lines.popleft())
