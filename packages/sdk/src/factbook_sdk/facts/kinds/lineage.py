"""``lineage``: where one target's data comes from, as one producer knows it. Target: the table, product or foreign dataset that is written.

A state: it holds until the same producer says otherwise. A producer is a job, a view, a model or an author, never a whole tool, so that
what one says never replaces what another says. A ``lineage_run`` of the same producer says that it was seen again. A name that could not
be resolved is kept with the reason; a dataset of a tool that belongs to no scanned source is a target of its own
(:func:`foreign_dataset`), until a ``name_binding`` says which table it is.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Name, Share, TableRef
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
    transformation: str | None = None


class LineageInput(msgspec.Struct, frozen=True, omit_defaults=True):
    """One table that is read, and what is done on the way. ``confidence`` is the chance that the edge exists at all; missing, it is 1.

    Where ``columns`` are known they are all there are: the table edge follows from them.
    """

    table: TableRef
    columns: list[ColumnEdge] = []
    type: Literal["direct", "derived", "aggregated"] = "direct"
    transformation: str | None = None
    confidence: Share | None = None
    metadata: dict[str, Any] = {}


class LineageJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """What moves the data, named as in OpenLineage."""

    namespace: Name
    name: Name


class Unresolved(msgspec.Struct, frozen=True):
    """A name that was mentioned and belongs to no known table, and why."""

    name: Name
    reason: Name


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the producer read it: a file with a line, or the id of the record that holds what was read."""

    file: Name | None = None
    line: int | None = None
    record_id: Name | None = None


Origin = Literal["openlineage", "dbt", "sql", "view", "foreign_key", "manual", "inferred"]

AGEING: tuple[Origin, ...] = ("openlineage", "dbt", "sql", "inferred")
"""Origins whose lineage grows stale when nobody confirms it. What a view, a foreign key or a person says holds until it is taken back."""


class Lineage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload."""

    origin: Origin
    inputs: list[LineageInput] = []
    job: LineageJob | None = None
    statement: str | None = None
    unresolved: list[Unresolved] = []
    evidence: Evidence | None = None


def foreign_dataset(namespace: str, name: str) -> TableRef:
    """Return how a dataset of another tool is meant that belongs to no known source: its OpenLineage namespace stands for the source."""
    return TableRef(namespace, name)
