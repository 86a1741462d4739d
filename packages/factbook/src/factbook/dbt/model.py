"""What is read from dbt, in one form for every version of its artefacts, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec


class Artefacts(msgspec.Struct, frozen=True):
    """The bytes of dbt's files, each JSON. Without a manifest nothing can be understood."""

    manifest: bytes
    catalog: bytes | None = None
    run_results: bytes | None = None
    sources: bytes | None = None


class DbtColumn(msgspec.Struct, frozen=True):
    """A column as it is documented, or as the catalogue shows it."""

    name: str
    description: str = ""
    data_type: str | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = {}


class DbtNode(msgspec.Struct, frozen=True):
    """One thing in the project. ``parts`` are database, schema and name of its relation, as far as there are; none for what is no table:
    an ephemeral model, a metric, a test, an exposure."""

    unique_id: str
    name: str
    resource_type: str
    parts: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    materialized: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = {}
    owners: tuple[str, ...] = ()
    columns: tuple[DbtColumn, ...] = ()
    file: str | None = None
    code: str | None = None
    test: DbtTest | None = None
    link: str | None = None
    extras: Mapping[str, str] = {}

    @property
    def relation(self) -> str:
        return ".".join(self.parts)


class DbtTest(msgspec.Struct, frozen=True):
    """What a test checks. ``node`` is the unique id of what it is about, ``expected`` when it fails."""

    check: str
    node: str | None = None
    column: str | None = None
    severity: str = "error"
    expected: str | None = None


class DbtProject(msgspec.Struct, frozen=True):
    """A manifest. ``adapter`` is dbt's name of the engine (``postgres``)."""

    name: str
    adapter: str | None
    generated_at: datetime
    invocation_id: str | None
    version: str
    nodes: Mapping[str, DbtNode]

    @property
    def namespace(self) -> str:
        """The namespace of what belongs to no scanned source."""
        return f"dbt://{self.name}"

    @property
    def producer_id(self) -> str:
        return f"dbt:{self.name}"

    def producer_of(self, node: DbtNode) -> str:
        """Return who tells of the lineage of one node, so that no node's replaces another's."""
        return f"{self.producer_id}:{node.unique_id}"


class DbtReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one ingestion. ``facts`` counts the records by kind, ``stored`` those that were new; ``ended`` counts what no longer
    holds. ``unresolved`` counts datasets that belong to no scanned source; ``factbook names unresolved`` lists them."""

    project: str
    adapter: str | None
    manifest_version: str
    generated_at: datetime
    models: int
    edges: int
    resolved: int
    unresolved: int
    facts: dict[str, int]
    stored: int
    ended: int
    warnings: list[str] = []
