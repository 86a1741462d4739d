"""What goes into a scan and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from factbook_sdk.facts import MetadataContext
from factbook_sdk.facts.kinds.catalog_scan import ScanCounts, ScanScope, SchemaReading, TableFailureNote

MAX_NAMES = 100
"""A result names at most this many objects of each sort; the counts are exact and the facts are complete."""

MAX_FAILURES = 1000
"""A ``catalog_scan`` fact explains at most this many failures; the count is exact."""

OnProgress = Callable[[int, int | None, str], None]
"""Called with the tables done, the tables expected (``None`` on a first scan) and the last one's name."""


class ScanRequest(msgspec.Struct, frozen=True):
    """``max_removal_share`` is the share (0 to 1) of a source's known objects that one scan may record as removed unasked."""

    source_id: str
    scope: ScanScope = ScanScope()
    context: MetadataContext = MetadataContext()
    accept_removals: bool = False
    max_removal_share: float = 0.2


class ScanResult(msgspec.Struct, frozen=True):
    """``added``, ``changed``, ``removed`` and ``held`` are ``schema.table`` names, at most ``MAX_NAMES`` of each, sorted."""

    source_id: str
    engine: str
    engine_version: str
    started_at: datetime
    duration_seconds: float
    scope: ScanScope
    schemas: dict[str, SchemaReading]
    schemas_complete: bool
    counts: ScanCounts
    added: list[str]
    changed: list[str]
    removed: list[str]
    held: list[str]
    failures: list[TableFailureNote]

    @property
    def is_unchanged(self) -> bool:
        """Whether everything was read and nothing differed from what was known."""
        counts = self.counts
        return not (counts.added or counts.changed or counts.removed or counts.failed or self.held)
