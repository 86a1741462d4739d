"""``lineage``: where one table's data comes from, as one producer knows it. Target: the table that is written.

A state: it holds until the same producer says otherwise. A name that could not be resolved is kept with the reason.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Name, TableRef
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="lineage",
    category=Category.STATE,
    description="The tables and columns one table is made from, by which job and statement.",
    schemas=load_schemas(__package__, "lineage"),
)


class ColumnEdge(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of the target and the column of the input it depends on. Types as in OpenLineage's column lineage facet 1.2."""

    output: Name
    input: Name
    type: Literal["direct", "indirect"] = "direct"
    subtype: Name | None = None


class LineageInput(msgspec.Struct, frozen=True, omit_defaults=True):
    """One table that is read."""

    table: TableRef
    columns: list[ColumnEdge] = []


class LineageJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """What moves the data, named as in OpenLineage."""

    namespace: Name
    name: Name


class Unresolved(msgspec.Struct, frozen=True):
    """A name that was mentioned and belongs to no known table, and why."""

    name: Name
    reason: Name


class Lineage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload."""

    origin: Literal["openlineage", "dbt", "sql", "view", "foreign_key", "manual", "inferred"]
    inputs: list[LineageInput] = []
    job: LineageJob | None = None
    statement: str | None = None
    unresolved: list[Unresolved] = []
