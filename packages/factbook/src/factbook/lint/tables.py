"""What the rules look at: the tables of a source with what is said of them, read from the log some hundred at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from factbook.errors import NotFound
from factbook.repository.naming import tables_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository

READS = ("annotation", "schema_snapshot")
"""The kinds that a lint reads."""

_TABLES = 250
_PAGE = 1_000


class LintTable(msgspec.Struct, frozen=True):
    """One table with the notes on it. ``described`` names the columns that are, and ``None`` for the table itself."""

    schema: str
    table: str
    snapshot: SchemaSnapshot
    notes: list[Note]
    described: frozenset[str | None]

    def has_note(self, prop: str, column: str | None = None) -> bool:
        """Return whether somebody notes a property of a column, or with ``None`` of the table; an empty note is none."""
        return any(note.property == prop and note.column == column and _says_something(note) for note in self.notes)

    def is_described(self, column: str | None = None) -> bool:
        """Return whether a comment or a note describes the table or one of its columns."""
        return column in self.described


def read_tables(repository: MetadataRepository, source_id: str, *, tenant: str, as_of: datetime | None) -> Iterator[LintTable]:
    """Yield the tables of a source by schema and table, partitions left out: they are part of their table.

    Raises :class:`NotFound` for a source of which nothing was ever known.
    """
    names = sorted(tables_of(repository, "schema_snapshot", source_id, tenant=tenant))
    if not names:
        raise NotFound(f"Nothing is known of a source {source_id}", fix="Scan it first, or correct its name", field="source_id")
    for start in range(0, len(names), _TABLES):
        targets = [MetadataTarget(source_id, schema, table) for schema, table in names[start : start + _TABLES]]
        found = repository.latest_many(targets, "schema_snapshot", tenant=tenant, as_of=as_of)
        notes = _notes(repository, targets, tenant, as_of)
        for target in targets:
            stored = found.get(target)
            if stored is None or stored.record.payload is None or "partition_of" in stored.record.payload:
                continue
            snapshot = msgspec.convert(stored.record.payload, SchemaSnapshot)
            described = frozenset(_described(snapshot, notes[target]))
            yield LintTable(target.schema or "", target.table or "", snapshot, notes[target], described)


def _described(snapshot: SchemaSnapshot, notes: list[Note]) -> Iterator[str | None]:
    if snapshot.comment and snapshot.comment.strip():
        yield None
    yield from (column.name for column in snapshot.columns if column.comment and column.comment.strip())
    yield from (note.column for note in notes if note.property == "description" and _says_something(note))


def _says_something(note: Note) -> bool:
    return note.value is not None and bool(str(note.value).strip())


def _notes(
    repository: MetadataRepository, targets: Sequence[MetadataTarget], tenant: str, as_of: datetime | None
) -> dict[MetadataTarget, list[Note]]:
    """Return the notes in force, of all authors."""
    in_force: dict[tuple[MetadataTarget, str], dict[str, Any] | None] = {}
    # A query ends before its bound, and what was noted at that very moment counts.
    until = None if as_of is None else min(as_of, datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)) + timedelta(microseconds=1)
    cursor: str | None = None
    while True:
        page = repository.query("annotation", targets=targets, tenant=tenant, until=until, limit=_PAGE, cursor=cursor)
        for item in page.records:
            in_force[item.record.target, item.record.producer_id] = item.record.payload
        cursor = page.next_cursor
        if cursor is None:
            break
    notes: dict[MetadataTarget, list[Note]] = defaultdict(list)
    for (target, _), payload in in_force.items():
        if payload is not None:
            notes[target] += msgspec.convert(payload, Annotation).notes
    return notes
