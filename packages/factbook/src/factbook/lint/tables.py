"""What the rules look at: the tables of a source with what is said of them, read from the log some hundred at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from factbook.errors import NotFound
from factbook.repository.naming import tables_of
from factbook.repository.voices import said_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.precedence import says_something
from factbook_sdk.repository.contract import MetadataRepository

READS = ("annotation", "schema_snapshot")
"""The kinds that a lint reads."""

_TABLES = 250


class LintTable(msgspec.Struct, frozen=True):
    """One table with the notes on it that nobody rejects. ``described`` names the columns that are, and ``None`` for the table itself."""

    schema: str
    table: str
    snapshot: SchemaSnapshot
    notes: list[Note]
    described: frozenset[str | None]

    def has_note(self, prop: str, column: str | None = None) -> bool:
        """Return whether somebody notes a property of a column, or with ``None`` of the table; an empty note is none."""
        return any(note.property == prop and note.column == column and says_something(note.value) for note in self.notes)

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
        said = said_of(repository, targets, tenant=tenant, as_of=as_of)
        for target in targets:
            stored = found.get(target)
            if stored is None or stored.record.payload is None or "partition_of" in stored.record.payload:
                continue
            snapshot = msgspec.convert(stored.record.payload, SchemaSnapshot)
            notes = [note for _, note in said[target].notes] if target in said else []
            described = frozenset(_described(snapshot, notes))
            yield LintTable(target.schema or "", target.table or "", snapshot, notes, described)


def _described(snapshot: SchemaSnapshot, notes: list[Note]) -> Iterator[str | None]:
    if snapshot.comment and snapshot.comment.strip():
        yield None
    yield from (column.name for column in snapshot.columns if column.comment and column.comment.strip())
    yield from (note.column for note in notes if note.property == "description" and says_something(note.value))
