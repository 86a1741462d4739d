"""Catalogues to export: Chinook as it is scanned, Pagila as it was scanned once, and tables whose names mean harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from factbook import demo
from factbook.export.catalog import Catalog
from factbook.export.contract import Destination, Exporter, ExportReport, check_options
from factbook.scan import ScanRequest, scan
from factbook.sources.connectors import connector_for
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Reference, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import Bin, ColumnStatistics, Frequency, Quantile, StatisticsSnapshot
from factbook_sdk.repository.memory import MemoryRepository

START = datetime(2026, 1, 1, tzinfo=UTC)
_HERE = Path(__file__).parent


class Folder(Destination):
    """A folder or file, written in place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        self.path.mkdir(parents=True)
        yield self.path

    @contextmanager
    def file(self) -> Iterator[Any]:
        with self.path.open("wb") as out:
            yield out


def export(exporter: Exporter, repository: MemoryRepository, path: Path, **options: str) -> ExportReport:
    """Export everything in a repository."""
    catalog = Catalog(repository, tenant="default")
    return exporter.export(catalog, Folder(path), check_options(exporter, options), lambda done, total, name: None)


def store(repository: MemoryRepository, kind: str, target: MetadataTarget, payload: Any, producer: str = "scan.v1") -> None:
    """Store a fact of the first of January."""
    plain = payload.to_payload() if isinstance(payload, SchemaSnapshot) else msgspec.to_builtins(payload)
    repository.store(MetadataRecord(target, kind, plain, START, producer))


def chinook(folder: Path) -> MemoryRepository:
    """Return a repository that has scanned the sample database."""
    repository = MemoryRepository()
    scan(connector_for(f"sqlite:///{demo.ensure_source(folder / 'chinook.sqlite')}"), repository, ScanRequest("chinook"))
    return repository


def pagila() -> MemoryRepository:
    """Return a repository with a scan of Pagila 3.1.0 on PostgreSQL 15, so that what is golden does not follow the server's version."""
    repository = MemoryRepository()
    for line in (_HERE / "pagila.jsonl").read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        target = MetadataTarget("pagila", found["schema"], found["table"])
        repository.store(MetadataRecord(target, "schema_snapshot", found["payload"], START, "scan.v1"))
    return repository


def told(repository: MemoryRepository) -> MemoryRepository:
    """Tell a repository of Pagila what people, agents and a profile say of its films, and what changed in them."""
    film = MetadataTarget("pagila", "public", "film")
    person = [
        Note("description", "Every film we have ever lent"),
        Note("owner", "Catalogue team"),
        Note("description", "As on the poster", column="title"),
        Note("classification", "confidential", column="replacement_cost"),
    ]
    store(repository, "annotation", film, Annotation("person", person), "ada")
    guess = [Note("tag", "looks like a year", column="release_year", confidence=0.8)]
    store(repository, "annotation", film, Annotation("agent", guess), "guesser.v1")
    columns = [
        ColumnStatistics("title", null_count=0, distinct_count=1000, frequent=[Frequency("ACADEMY | DINOSAUR", 1)]),
        ColumnStatistics(
            "length",
            null_count=250,
            distinct_count=140,
            distinct_is_estimate=True,
            minimum=46,
            maximum=185,
            mean=115.272,
            quantiles=[Quantile(0.5, 114)],
            histogram=[Bin(46, 100, 300), Bin(100, 150, 250), Bin(150, 185, 200)],
        ),
        ColumnStatistics("replacement_cost", null_count=0, minimum=9.99, maximum=29.99),
    ]
    store(repository, "statistics_snapshot", film, StatisticsSnapshot("exact", row_count=1000, columns=columns), "profile.v1")
    change = {"change": "changed", "severity": "breaking", "path": "columns.title.data_type", "before": "text", "after": "varchar(255)"}
    change |= {"schema": "public", "table": "film", "reason": "Longer titles no longer fit"}
    moments = {"before": {"moment": "2025-12-01T00:00:00Z"}, "after": {"moment": "2026-01-01T00:00:00Z"}}
    payload = {**moments, "counts": {"breaking": 1}, "changes": [change]}
    repository.store(MetadataRecord(MetadataTarget("pagila"), "catalog_diff", payload, START, "diff.v1"))
    return repository


HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "a|b`c``d",
    "../../etc/passwd",
    "con",
    "Orders",
    "orders",
    "quo\"te's \\ back",
    "line\nbreak\u2028and\u2029more",
    "[x](javascript:alert(1))",
    "{{ 7*7 }}{% raw %}",
    "表 · naïve\u202eevil",
    "a" * 300,
    "# heading",
    "]]>&amp;<!--",
)


def hostile() -> MemoryRepository:
    """Return a repository whose tables, columns, comments and notes mean harm, and refer to each other."""
    repository = MemoryRepository()
    for number, name in enumerate(HOSTILE):
        other = HOSTILE[number - 1]
        columns = [Column(name, 1, name, default=name, comment=name), Column("other", 2, "int", nullable=False)]
        constraints = [
            Constraint("primary_key", name, [name]),
            Constraint("foreign_key", name, ["other"], references=Reference(other, other, [other])),
            Constraint("check", name, expression=name),
        ]
        built = SchemaSnapshot("view", columns, constraints, definition=f"```\n{name}", comment=name, owner=name)
        target = MetadataTarget(HOSTILE[0], name, name)
        store(repository, "schema_snapshot", target, built)
        notes = [Note("description", name), Note("tag", name, column=name), Note("link", "javascript:alert(1)")]
        store(repository, "annotation", target, Annotation("person", notes), name)
        measured = [ColumnStatistics(name, null_count=1, minimum=name, frequent=[Frequency(name, 3)], histogram=[Bin(0, 1, 2)])]
        store(repository, "statistics_snapshot", target, StatisticsSnapshot("exact", row_count=3, columns=measured))
    return repository


def wide(tables: int) -> MemoryRepository:
    """Return a repository with a hub, and tables that all refer to it."""
    repository = MemoryRepository()
    store(repository, "schema_snapshot", MetadataTarget("wide", "main", "hub"), SchemaSnapshot("table", [Column("id", 1, "int")]))
    for number in range(tables):
        key = Constraint("foreign_key", "fk", ["hub_id"], references=Reference("hub", "main", ["id"]))
        built = SchemaSnapshot("table", [Column("hub_id", 1, "int")], [key])
        store(repository, "schema_snapshot", MetadataTarget("wide", "main", f"spoke_{number:04}"), built)
    return repository
