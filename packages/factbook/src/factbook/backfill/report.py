"""What a backfill has to say. Every raw row is in it once: merged, skipped, a repeat, or rejected."""

from __future__ import annotations

import msgspec

from factbook.backfill.baselines import History
from factbook.backfill.expectations import Comparison
from factbook.backfill.mapping import Threshold
from factbook_sdk.facts import MetadataTarget

MAX_REJECTS = 1_000
MAX_TABLES = 10_000
MAX_REVISED = 1_000


class RowCounts(msgspec.Struct, frozen=True):
    """``read = merged + skipped + repeats + rejected``; ``merged`` rows made ``records`` records."""

    read: int
    merged: int
    records: int
    skipped: int
    repeats: int
    rejected: int

    @property
    def is_balanced(self) -> bool:
        return self.read == self.merged + self.skipped + self.repeats + self.rejected

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(*(mine + its for mine, its in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)))


class FileRead(msgspec.Struct, frozen=True):
    """A file of the inventory. ``same_as`` names an earlier one with the same content: then it was not read."""

    file: str
    size_bytes: int
    sha256: str | None
    rows: int
    same_as: str | None


class InputRead(msgspec.Struct, frozen=True):
    """One input with its files and what became of their rows. ``unseen`` are the fields for which no row had a value."""

    name: str
    kind: str
    rows: RowCounts
    unseen: list[str]
    files: list[FileRead]


class RejectedRow(msgspec.Struct, frozen=True):
    """``rows`` rows that gave no record. ``place`` is ``FILE:LINE``, or ``FILE:ROW`` with the path in the report."""

    place: str
    rows: int
    reason: str


class Revised(msgspec.Struct, frozen=True):
    """A run of which the repository holds an older record as well, made before some of its rows were there."""

    kind: str
    target: MetadataTarget
    run_id: str
    records: int


class BackfillReport(msgspec.Struct, frozen=True):
    """The whole report. ``stored`` is what became of the records, ``None`` in a dry run. Lists are bounded; counts are exact."""

    mapping: str
    into: str
    dry_run: bool
    rows: RowCounts
    inputs: list[InputRead]
    stored: dict[str, int] | None
    revised_count: int
    revised: list[Revised]
    rejects: list[RejectedRow]
    threshold: Threshold
    table_count: int
    thin_count: int
    tables: list[History]
    expectations: list[Comparison]

    @property
    def has_failures(self) -> bool:
        """Whether rows were rejected or an expectation was not met."""
        return self.rows.rejected > 0 or not all(comparison.agrees for comparison in self.expectations)
