"""Reports that were made, kept for as long as nothing was told that they are made from. Judging thousands of tables takes seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from factbook.lint.model import LintReport
from factbook.lint.tables import READS
from factbook_sdk.repository.contract import MetadataRepository

MAX_FINDINGS = 200_000
"""Findings of all that is kept, some 50 MB; the report that was asked for longest ago goes first."""
_NEWS = 1_000
"""Facts looked through for one about the source; after more of them a report is made anew."""


class Kept:
    """Reports of one tenant. ``last_offset`` tells where the log ends."""

    def __init__(self, repository: MetadataRepository, last_offset: Callable[[], int], *, tenant: str) -> None:
        self._repository = repository
        self._last_offset = last_offset
        self._tenant = tenant
        self._lock = threading.Lock()
        self._reports: dict[Hashable, tuple[int, LintReport]] = {}

    def get(self, key: Hashable, source_id: str, make: Callable[[], LintReport]) -> LintReport:
        """Return the report kept under a key, if it is still so; else make it."""
        with self._lock:
            kept = self._reports.pop(key, None)
        # The end of the log is read before the report is made: what is told meanwhile is news to it.
        end = self._last_offset()
        report = kept[1] if kept is not None and not self._has_news(source_id, kept[0]) else make()
        with self._lock:
            self._reports[key] = (end, report)
            while sum(len(other.findings) for _, other in self._reports.values()) > MAX_FINDINGS and len(self._reports) > 1:
                del self._reports[next(iter(self._reports))]
        return report

    def _has_news(self, source_id: str, position: int) -> bool:
        found = self._repository.tail(position, kinds=READS, tenant=self._tenant, limit=_NEWS).records
        return len(found) == _NEWS or any(item.record.target.source_id == source_id for item in found)
