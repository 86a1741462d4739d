"""What the scans behind a comparison saw: which schemas there were, and which they could not read completely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Literal

import msgspec

from factbook.diff.moments import Scan
from factbook.sources.contract import ScanScope, SchemaReading, covers_schema
from factbook_sdk.facts.kinds.catalog_diff import Unread

_MAX_SCANS = 200
"""Scans looked back through for schemas that later ones left out."""

EVERY_SCHEMA = "*"


class Seen(msgspec.Struct, frozen=True):
    """What was known of a source after a scan: each schema with its last reading, and the scan that made it.

    ``tables`` is how many there were, where the scan saw all of them.
    """

    scan: Scan
    schemas: dict[str, tuple[SchemaReading, Scan]]
    tables: int | None

    def unread(self, side: Literal["before", "after"]) -> list[Unread]:
        """Return what this side cannot vouch for, by schema."""
        failed: Counter[tuple[str, str | None]] = Counter()
        for scan in {id(scan): scan for _, scan in self.schemas.values()}.values():
            failed.update((failure.schema, scan.run_id) for failure in scan.said.failures)
        found = []
        for schema, (reading, scan) in sorted(self.schemas.items()):
            tables = failed[schema, scan.run_id]
            if not reading.complete or tables:
                reason = reading.reason or (f"{tables} of its tables could not be read" if tables else "its reading was not complete")
                found.append(Unread(side, schema, reason, scan.run_id, tables))
        said = self.scan.said
        if said.removals_held:
            reason = f"removals wait for --accept-removals ({said.removals_held}), so what is gone is not recorded"
            found.append(Unread(side, EVERY_SCHEMA, reason, self.scan.run_id))
        return found


def seen_by(scans: Iterable[Scan]) -> Seen:
    """Gather what was known after the first of these scans, the newest first; later ones fill in what it left out of its scope."""
    newest: Scan | None = None
    schemas: dict[str, tuple[SchemaReading, Scan]] = {}
    settled: list[ScanScope] = []
    for scan in islice(scans, _MAX_SCANS):
        newest = newest or scan
        said = scan.said
        for schema, reading in said.schemas.items():
            if schema not in schemas and not any(covers_schema(scope, schema) for scope in settled):
                schemas[schema] = (reading, scan)
        if said.schemas_complete:
            settled.append(said.scope)
            if said.scope == ScanScope():
                break
    if newest is None:
        raise ValueError("there is no scan")
    return Seen(newest, schemas, _tables(newest))


def _tables(scan: Scan) -> int | None:
    said = scan.said
    saw_all = said.scope == ScanScope() and said.schemas_complete and not said.counts.failed and not said.removals_held
    return said.counts.tables if saw_all and all(reading.complete for reading in said.schemas.values()) else None


def schemas_to_compare(before: Seen, after: Seen) -> tuple[set[str], set[str]]:
    """Return the schemas of both sides, without those that one side may only not have looked at."""
    old, new = set(before.schemas), set(after.schemas)
    sure_old = {schema for schema in old if schema in new or _would_have_seen(after, schema)}
    sure_new = {schema for schema in new if schema in old or _would_have_seen(before, schema)}
    return sure_old, sure_new


def _would_have_seen(seen: Seen, schema: str) -> bool:
    return seen.scan.said.schemas_complete and covers_schema(seen.scan.said.scope, schema)
