"""A gate over a log in memory, with scans that show what a test tells them to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.scan.connectors import Script

from factbook.diff.gate import Gate
from factbook.diff.gate_model import GateRequest, GateResult
from factbook.diff.service import Diffs
from factbook.diff.severities import DEFAULT, Severities
from factbook.diff.verdict import judge
from factbook.scan import ScanRequest, scan
from factbook.sources.contract import ScanScope, TableName
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository


def table(*columns: Column | str, **more: Any) -> SchemaSnapshot:
    """Return a table; a column given by its name alone is a text."""
    made = [
        Column(item, place, "text") if isinstance(item, str) else msgspec.structs.replace(item, position=place)
        for place, item in enumerate(columns, 1)
    ]
    return SchemaSnapshot(more.pop("object_type", "table"), made, **more)


def number(name: str, data_type: str = "integer", **more: Any) -> Column:
    return Column(name, 1, data_type, **more)


class World:
    """A source that is scanned into a log, and the gate before it."""

    def __init__(self, severities: Severities = DEFAULT) -> None:
        self.repository = MemoryRepository()
        self.severities = severities
        self.ahead = timedelta()

    def scan(self, tables: dict[str, SchemaSnapshot], *, source: str = "shop", scope: ScanScope | None = None, **script: Any) -> None:
        """Scan the tables, by ``schema.table``."""
        shown = {TableName(*name.split(".", 1)): snapshot for name, snapshot in tables.items()}
        request = ScanRequest(source, scope or ScanScope(), accept_removals=True)
        scan(Script(shown, **script), self.repository, request)

    def gate(self, source: str = "shop", **asked: Any) -> GateResult:
        now = lambda: datetime.now(UTC) + self.ahead  # noqa: E731 - shorter than the function
        judge_for = lambda _source, engine: lambda item: judge(item, self.severities, engine=engine)  # noqa: E731
        diffs = Diffs(self.repository, tenant="default", judge_for=judge_for, now=now)
        gate = Gate(self.repository, diffs, tenant="default", severities_of=lambda _source: self.severities, now=now)
        return gate.check(GateRequest(source_id=source, **asked))

    def say(
        self, kind: str, target: MetadataTarget, payload: dict[str, Any] | None, producer: str = "tests.v1", *, at: datetime | None = None
    ) -> None:
        """Store a fact, of now unless a moment is given."""
        self.repository.store(MetadataRecord(target, kind, payload, at or datetime.now(UTC), producer))

    def made_from(
        self, reader: str, read: str, *columns: tuple[str, str], job: str = "nightly", producer: str = "tests.v1", origin: str = "manual"
    ) -> None:
        """Say that one table, ``source/schema.table``, is made from another; ``columns`` are (input, output) pairs."""
        source, _, place = reader.partition("/")
        schema, _, name = place.partition(".")
        other, _, there = read.partition("/")
        of_schema, _, of_name = there.partition(".")
        edge: dict[str, Any] = {"table": {"source_id": other, "schema": of_schema, "table": of_name}}
        if columns:
            edge["columns"] = [{"input": one, "output": another} for one, another in columns]
        payload = {"origin": origin, "inputs": [edge], "job": {"namespace": "tests", "name": job}}
        self.say("lineage", MetadataTarget(source, schema, name), payload, producer)


def hit_tables(result: GateResult) -> list[tuple[str, int, list[str]]]:
    return [(f"{hit.table.source_id}/{hit.table.schema}.{hit.table.table}", hit.distance, hit.columns) for hit in result.impact.tables]


def failing(result: GateResult) -> list[tuple[str | None, str | None]]:
    return [(change.table, change.rule) for change in result.changes]
