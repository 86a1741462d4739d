"""A repository whose kinds are governed, and small kinds to register."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from factbook.kinds import GovernedKinds, Kinds, Proposal
from factbook.repository.indexing import IndexProjection
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_sql
from factbook_sdk.facts import Admission, Category, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.testing.records import START

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"celsius": {"type": "number"}},
    "required": ["celsius"],
    "additionalProperties": False,
}


class House(NamedTuple):
    """What one process has open."""

    repository: SqlRepository
    governed: GovernedKinds
    kinds: Kinds


def open_house(url: str, *, accepts: tuple[str, ...] = ()) -> House:
    builtin = builtin_kinds()
    governed = GovernedKinds(builtin, accepts_unknown=lambda tenant: tenant in accepts)
    repository = open_sql(url, admission=Admission(governed), projections=[IndexProjection(builtin)])
    governed.attach(repository)
    return House(repository, governed, Kinds(repository, governed, tenant="default"))


def with_field(name: str, **schema: Any) -> dict[str, Any]:
    """Return the schema with one more field, which is optional."""
    return SCHEMA | {"properties": SCHEMA["properties"] | {name: schema or {"type": "string"}}}


def proposal(name: str = "weather", *, category: Category = Category.EVENT, schema: dict[str, Any] = SCHEMA, **more: Any) -> Proposal:
    return Proposal(name, category, "How warm it was.", schema, **more)


def reading(
    celsius: Any = 20, *, kind: str = "weather", version: int = 1, tenant: str = "default", moment: datetime = START, **more: Any
) -> MetadataRecord:
    payload = None if celsius is None else {"celsius": celsius} | more.pop("fields", {})
    return MetadataRecord(MetadataTarget("roof"), kind, payload, moment, "station.v1", MetadataContext(tenant=tenant), version, **more)
