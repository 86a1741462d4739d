"""``schema_snapshot``: the structure of one table, view or other relation. Target: source, schema, table.

Only structure is in here. What changes while the structure stays the same (row estimates, sizes) is ``table_observation``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="schema_snapshot",
    category=Category.STATE,
    description="The structure of one table or view: columns, constraints, indexes, partitioning, definition, comments.",
    schemas=load_schemas(__package__, "schema_snapshot"),
)


class Domain(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named, constrained type. ``checks`` are expressions as the engine prints them, in name order."""

    name: str
    schema: str | None = None
    base_type: str | None = None
    nullable: bool = True
    default: str | None = None
    checks: list[str] = []


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column. ``data_type`` is the full type as the engine prints it (``numeric(10,2)``, ``text[]``); the fields after it
    take it apart where the engine says. ``position`` counts from 1 without gaps.
    """

    name: str
    position: int
    data_type: str
    nullable: bool = True
    default: str | None = None
    comment: str | None = None
    length: int | None = None
    """Characters or bits, as declared."""
    precision: int | None = None
    scale: int | None = None
    collation: str | None = None
    """Only where it differs from the type's or table's default, or where the engine always states one."""
    character_set: str | None = None
    unsigned: bool = False
    enum_values: list[str] = []
    array_dimensions: int | None = None
    domain: Domain | None = None
    identity: Literal["always", "by default", "auto increment"] | None = None
    generated: Literal["stored", "virtual"] | None = None
    generation_expression: str | None = None
    on_update: str | None = None
    """MySQL's ``ON UPDATE`` expression."""
    invisible: bool = False


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a foreign key points at. ``columns`` may be empty where the engine leaves the target's primary key implicit."""

    table: str
    schema: str | None = None
    columns: list[str] = []
    on_update: str | None = None
    on_delete: str | None = None
    match: str | None = None


class Constraint(msgspec.Struct, frozen=True, omit_defaults=True):
    """``expression`` is a check's condition, or an exclusion's definition. ``name`` is null where the engine has none."""

    type: Literal["primary_key", "unique", "foreign_key", "check", "exclusion", "not_null"]
    name: str | None = None
    columns: list[str] = []
    expression: str | None = None
    references: Reference | None = None
    deferrable: bool = False
    initially_deferred: bool = False
    validated: bool = True
    enforced: bool = True
    nulls_not_distinct: bool = False
    no_inherit: bool = False
    comment: str | None = None


class IndexPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key of an index: a column or an expression."""

    column: str | None = None
    expression: str | None = None
    descending: bool = False
    nulls: Literal["first", "last"] | None = None
    """Only where it differs from the engine's default for the direction."""
    collation: str | None = None
    operator_class: str | None = None
    """Only where it is not the type's default."""
    prefix_length: int | None = None


class Index(msgspec.Struct, frozen=True, omit_defaults=True):
    """One index, those behind constraints included. ``predicate`` is the condition of a partial index."""

    name: str
    parts: list[IndexPart]
    unique: bool = False
    primary: bool = False
    method: str | None = None
    predicate: str | None = None
    include: list[str] = []
    nulls_not_distinct: bool = False
    valid: bool = True
    visible: bool = True
    comment: str | None = None
    options: dict[str, str] = {}


class Partition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One partition kept inside its table (MySQL). PostgreSQL's partitions are tables of their own with ``partition_of``."""

    name: str
    values: str | None = None
    subpartitions: list[str] = []
    comment: str | None = None


class Partitioning(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a table is partitioned. ``key`` is the key as the engine prints it; ``columns`` the plain columns in it."""

    strategy: str
    key: str
    columns: list[str] = []
    partitions: list[Partition] = []
    sub_strategy: str | None = None
    sub_key: str | None = None


class PartitionOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parent of a partition, with its bound as the engine prints it."""

    table: str
    schema: str | None = None
    bound: str | None = None


class SchemaSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. Lists are in a fixed order: columns by position, constraints by type, name and columns, indexes by name."""

    object_type: Literal["table", "view", "materialized_view", "foreign_table", "partitioned_table", "virtual_table"]
    columns: list[Column]
    constraints: list[Constraint] = []
    indexes: list[Index] = []
    partitioning: Partitioning | None = None
    partition_of: PartitionOf | None = None
    inherits: list[str] = []
    """PostgreSQL's classic inheritance: qualified parents in order."""
    definition: str | None = None
    """The query of a view, as the engine prints it."""
    comment: str | None = None
    owner: str | None = None
    options: dict[str, Any] = {}
    """What else makes the object what it is: engine, collation, check option, STRICT, WITHOUT ROWID, storage parameters."""

    def to_payload(self) -> dict[str, Any]:
        """Return the payload as plain JSON values, with the lists in their fixed order."""
        ordered = msgspec.structs.replace(
            self,
            columns=sorted(self.columns, key=lambda column: column.position),
            constraints=sorted(self.constraints, key=_constraint_order),
            indexes=sorted(self.indexes, key=lambda index: index.name),
        )
        payload: dict[str, Any] = msgspec.to_builtins(ordered)
        return payload


def _constraint_order(constraint: Constraint) -> tuple[str, str, list[str], str]:
    return (
        constraint.type,
        constraint.name or "",
        constraint.columns,
        constraint.expression or str(constraint.references),
    )


def from_payload(payload: dict[str, Any]) -> SchemaSnapshot:
    """Read a payload back into its typed form."""
    return msgspec.convert(payload, SchemaSnapshot)
