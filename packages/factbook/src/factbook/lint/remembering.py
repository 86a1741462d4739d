"""How much of each source is documented, counted once and remembered until a fact arrives that may change it.

To count a source is to read all of its tables, which takes seconds where they are thousands. So whoever shows many sources at once takes
what is known, and has the rest counted as far as time allows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import msgspec

from factbook.errors import NotFound
from factbook.lint.model import Coverage, Documented
from factbook.lint.run import Lint
from factbook.lint.tables import READS
from factbook.repository.sql import SqlRepository

_READ_ON = 1_000
"""New facts that are looked through for the sources they are about; where there are more, everything is counted anew."""


class Counted(msgspec.Struct, frozen=True):
    """The documentation of a source, whole; ``None`` for one of which no table is known. ``offset``: the log was this long by then."""

    offset: int
    coverage: Coverage | None


class RememberedCoverage:
    """What is known of one tenant's sources. Safe to use from many threads."""

    def __init__(self, repository: SqlRepository, lint: Lint, *, tenant: str) -> None:
        self._repository = repository
        self._lint = lint
        self._tenant = tenant
        self._counted: dict[str, Counted] = {}
        self._changed: dict[str, int] = {}
        self._seen = repository.last_offset()
        self._lock = threading.Lock()

    def known(self, source_ids: Iterable[str]) -> dict[str, Coverage | None]:
        """Return what is known of these sources and true."""
        with self._lock:
            self._read_on()
            return {
                source_id: counted.coverage
                for source_id in source_ids
                if (counted := self._counted.get(source_id)) is not None and counted.offset >= self._changed.get(source_id, 0)
            }

    def count(self, source_ids: Iterable[str], *, seconds: float) -> dict[str, Coverage | None]:
        """Count sources one after the other until the time is over, one at least if any is unknown; return what is known then."""
        wanted = list(source_ids)
        known = self.known(wanted)
        end = time.monotonic() + seconds
        for source_id in wanted:
            if source_id not in known:
                known[source_id] = self._count(source_id)
                if time.monotonic() > end:
                    break
        return known

    def _count(self, source_id: str) -> Coverage | None:
        offset = self._repository.last_offset()
        try:
            coverage = self._lint.coverage(source_id)
        except NotFound:
            coverage = None
        with self._lock:
            self._counted[source_id] = Counted(offset, coverage)
        return coverage

    def _read_on(self) -> None:
        """Note the sources that facts stored since the last look are about."""
        page = self._repository.tail(self._seen, kinds=READS, tenant=self._tenant, limit=_READ_ON)
        if len(page.records) == _READ_ON:
            self._seen = self._repository.last_offset()
            self._changed = dict.fromkeys(self._counted, self._seen)
            return
        for item in page.records:
            self._changed[item.record.target.source_id] = item.offset
        self._seen = page.next_offset


def whole(coverages: Iterable[Coverage]) -> Coverage:
    """Return the documentation of several sources together."""
    found = list(coverages)
    tables, columns, owners = (
        (
            Documented(sum(part.documented for part in parts), sum(part.total for part in parts))
            for parts in zip(*((one.tables, one.columns, one.owners) for one in found), strict=True)
        )
        if found
        else (Documented(0, 0),) * 3
    )
    both = Documented(tables.documented + columns.documented, tables.total + columns.total)
    return Coverage(None, tables, columns, owners, both.share)
