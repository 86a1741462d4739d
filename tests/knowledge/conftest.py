"""A store with the view of notes, and a shop to say things of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from factbook.knowledge import Glossary, Notes, Suggestions
from factbook.knowledge.projection import NotesProjection
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.annotation import Annotation, Note, Rejection
from factbook_sdk.facts.kinds.lineage import ColumnEdge, Lineage, LineageInput
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.parts import TableRef

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


class World:
    """The rooms of one tenant, and facts by hand."""

    def __init__(self, repository: SqlRepository, tenant: str = "default") -> None:
        self.repository = repository
        self.tenant = tenant
        self.notes = Notes(repository, tenant=tenant)
        self.glossary = Glossary(repository, tenant=tenant)
        self.suggestions = Suggestions(repository, tenant=tenant)

    def table(self, name: str, *columns: str, comment: str | None = None, hours: float = 0, source_id: str = "shop") -> None:
        """Scan a table whose columns are written ``name`` or ``name: comment``."""
        built = [
            Column(text.partition(": ")[0], place, "text", comment=text.partition(": ")[2] or None) for place, text in enumerate(columns, 1)
        ]
        self.store(
            "schema_snapshot", MetadataTarget(source_id, "main", name), SchemaSnapshot("table", built, comment=comment).to_payload(), hours
        )

    def gone(self, name: str, *, hours: float) -> None:
        self.store("schema_snapshot", MetadataTarget("shop", "main", name), None, hours)

    def say(
        self, table: str | None, *notes: Note, author: str = "person:ann", hours: float = 1, rejections: list[Rejection] | None = None
    ) -> None:
        target = MetadataTarget("shop", "main" if table else None, table)
        kind = author.partition(":")[0]
        self.store("annotation", target, msgspec.to_builtins(Annotation(kind, list(notes), rejections or [])), hours, author)

    def edge(self, source: str, target: str, *columns: tuple[str, str], producer: str = "sql:load", **more: Any) -> None:
        edges = [ColumnEdge(output, given, more.pop("edge", "direct")) for given, output in columns]
        lineage = Lineage("sql", [LineageInput(TableRef("shop", source, "main"), edges, **more)])
        self.store("lineage", MetadataTarget("shop", "main", target), msgspec.to_builtins(lineage), 0, producer)

    def store(self, kind: str, target: MetadataTarget, payload: Any, hours: float = 0, producer: str = "scan.v1") -> None:
        self.repository.store(MetadataRecord(target, kind, payload, at(hours), producer, MetadataContext(tenant=self.tenant)))


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path) -> Iterator[World]:
    """Give a world on each database; a shop with two tables is scanned."""
    url = f"sqlite:///{tmp_path}/facts.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    repository = open_repository(url, admission=Admission(builtin_kinds()), projections=(NotesProjection(),))
    try:
        made = World(repository, f"t{uuid4().hex}")
        made.table("orders", "id", "email: where the receipt goes", "total", comment="All orders")
        made.table("people", "id", "name")
        yield made
    finally:
        repository.close()


@pytest.fixture
def small(tmp_path) -> Iterator[World]:
    """Give a world on SQLite."""
    repository = open_repository(f"sqlite:///{tmp_path}/facts.db", admission=Admission(builtin_kinds()), projections=(NotesProjection(),))
    try:
        yield World(repository)
    finally:
        repository.close()
