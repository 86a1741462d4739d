"""What other systems say about the same history, held against the records: sampling queries that the mapping states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.backfill.mapping import Expectation
from factbook_sdk.facts import MetadataRecord


class Comparison(msgspec.Struct, frozen=True):
    """An expectation beside what was found. ``of`` says what was looked at; ``measure`` is ``records`` or ``sum of FIELD``."""

    of: str
    measure: str
    expected: float
    found: float
    agrees: bool


class Tally(msgspec.Struct):
    """Counts the records of one expectation, and sums their field. ``without`` had no number there."""

    expectation: Expectation
    records: int = 0
    sum: float = 0
    without: int = 0

    def add(self, record: MetadataRecord, sign: int = 1) -> None:
        """Take a record into account, or with ``sign=-1`` out of it again."""
        if not _covers(self.expectation, record):
            return
        self.records += sign
        if self.expectation.field is not None:
            value = _number(record, self.expectation.field)
            if value is None:
                self.without += sign
            else:
                self.sum += sign * value

    def comparisons(self) -> list[Comparison]:
        """Return each thing expected beside what there was."""
        expectation, found = self.expectation, []
        if expectation.records is not None:
            found.append(self._compared("records", expectation.records, self.records))
        if expectation.sum is not None:
            without = f" ({self.without:,} records without it)" if self.without else ""
            found.append(self._compared(f"sum of {expectation.field}{without}", expectation.sum, self.sum))
        return found

    def _compared(self, measure: str, expected: float, found: float) -> Comparison:
        allowed = max(abs(expected) * self.expectation.tolerance, abs(expected) * 1e-9)
        return Comparison(_named(self.expectation), measure, expected, found, math.fabs(found - expected) <= allowed)


def compared(tallies: Sequence[Tally]) -> list[Comparison]:
    return [comparison for tally in tallies for comparison in tally.comparisons()]


def _covers(expectation: Expectation, record: MetadataRecord) -> bool:
    target = record.target
    named = ((expectation.source_id, target.source_id), (expectation.schema, target.schema), (expectation.table, target.table))
    return (
        record.kind == expectation.kind
        and all(wanted is None or wanted == found for wanted, found in named)
        and (expectation.since is None or record.produced_at >= expectation.since)
        and (expectation.until is None or record.produced_at < expectation.until)
    )


def _number(record: MetadataRecord, path: str) -> float | None:
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _named(expectation: Expectation) -> str:
    table = ".".join(part or "*" for part in (expectation.source_id, expectation.schema, expectation.table))
    since, until = (_shown(moment) for moment in (expectation.since, expectation.until))
    return f"{expectation.kind} of {table}" + (f" since {since}" if since else "") + (f" until {until}" if until else "")


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")
