"""A log to judge: tables and notes, stored one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from factbook.lint import Lint, LintRules
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Reference, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def key(*columns: str) -> Constraint:
    return Constraint("primary_key", "pk", list(columns))


def refers(column: str, table: str) -> Constraint:
    return Constraint("foreign_key", f"fk_{column}", [column], references=Reference(table, None, ["id"]))


class Shelf:
    """A source ``shop`` with a schema ``main``."""

    def __init__(self) -> None:
        self.repository = MemoryRepository()

    def table(self, name: str, *columns: str | Column, hours: float = 0, schema: str = "main", object_type: str = "table", **more) -> None:
        """Store a table whose columns are described by ``name: comment`` and of type text unless ``name type``."""
        built = [_column(item, place) for place, item in enumerate(columns, 1)]
        self._store("schema_snapshot", name, SchemaSnapshot(object_type, built, **more).to_payload(), hours, schema)

    def gone(self, name: str, *, hours: float) -> None:
        self._store("schema_snapshot", name, None, hours, "main")

    def note(self, table: str, *notes: Note, author: str = "ada", hours: float = 0) -> None:
        self._store("annotation", table, msgspec.to_builtins(Annotation("person", list(notes))), hours, "main", author)

    def found(self, rule: str, rules: LintRules = LintRules(), **options) -> list[str]:  # noqa: B008 - frozen
        """Return the places at which a rule does not hold."""
        return [item.place.removeprefix("main.") for item in self.report(rules, **options).findings if item.rule == rule]

    def report(self, rules: LintRules = LintRules(), **options):  # noqa: B008 - frozen
        return Lint(self.repository, tenant="default").report("shop", rules, **options)

    def _store(self, kind: str, table: str, payload, hours: float, schema: str, producer: str = "scan.v1") -> None:
        target = MetadataTarget("shop", schema, table)
        self.repository.store(MetadataRecord(target, kind, payload, at(hours), producer, MetadataContext()))


def _column(item: str | Column, place: int) -> Column:
    if isinstance(item, Column):
        return msgspec.structs.replace(item, position=place)
    words, _, comment = item.partition(": ")
    name, _, data_type = words.partition(" ")
    return Column(name, place, data_type or "text", comment=comment or None)
