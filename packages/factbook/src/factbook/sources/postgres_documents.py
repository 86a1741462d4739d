"""From a relation's document to its snapshot. Pure: the shape of a document is that of ``postgres_catalog``."""

from __future__ import annotations

import re
from typing import Any, Literal

from factbook_sdk.facts.kinds.schema_snapshot import (
    Column,
    Constraint,
    Domain,
    Index,
    IndexPart,
    Partitioning,
    PartitionOf,
    Reference,
    SchemaSnapshot,
)

_OBJECT_TYPES: dict[str, Any] = {
    "r": "table",
    "p": "partitioned_table",
    "v": "view",
    "m": "materialized_view",
    "f": "foreign_table",
}
_CONSTRAINT_TYPES: dict[str, Any] = {
    "p": "primary_key",
    "u": "unique",
    "f": "foreign_key",
    "c": "check",
    "x": "exclusion",
    "n": "not_null",
}
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_MATCHES = {"f": "FULL", "p": "PARTIAL", "s": "SIMPLE"}
_IDENTITIES: dict[str, Literal["always", "by default"]] = {"a": "always", "d": "by default"}
_GENERATED: dict[str, Literal["stored", "virtual"]] = {"s": "stored", "v": "virtual"}
_MODIFIERS = re.compile(r"^(?P<type>[^(]+?)\s*\((?P<first>\d+)(?:,(?P<second>-?\d+))?\)")
_STRATEGY = re.compile(r"^(RANGE|LIST|HASH) \((.*)\)$", re.S)
_PLAIN_KEY = re.compile(r'^(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")$')

# Bits of pg_index.indoption (src/include/catalog/pg_index.h).
_DESCENDING, _NULLS_FIRST = 1, 2


def snapshot_of(document: list[Any]) -> SchemaSnapshot:
    """Build the snapshot of one relation."""
    (kind, owner, comment, persistence, secured, forced, storage, definition, key, bound, is_partition, parents, foreign, *lists) = document
    columns, constraints, indexes = ([*(part or ())] for part in lists)
    options: dict[str, Any] = {}
    if persistence == "u":
        options["unlogged"] = True
    if secured:
        options["row_security"] = "forced" if forced else "enabled"
    elif forced:
        options["row_security"] = "forced, disabled"
    if storage:
        options["storage"] = storage
    if foreign:
        options["server"], options["server_options"] = foreign[0], foreign[1] or []
    return SchemaSnapshot(
        object_type=_OBJECT_TYPES[kind],
        columns=[_column(place, values) for place, values in enumerate(columns, 1)],
        constraints=[_constraint(values) for values in constraints],
        indexes=[_index(values) for values in indexes],
        partitioning=_partitioning(key) if key else None,
        partition_of=PartitionOf(parents[0][1], parents[0][0], bound) if is_partition else None,
        inherits=[] if is_partition else [".".join(parent) for parent in parents or ()],
        definition=definition,
        comment=comment,
        owner=owner,
        options=options,
    )


def _column(place: int, values: list[Any]) -> Column:
    name, data_type, required, expression, identity, generated, collation, dimensions, labels, domain, comment = values
    length, precision, scale = _modifiers(data_type)
    return Column(
        name=name,
        position=place,
        data_type=data_type,
        nullable=not required,
        default=None if generated else expression,
        comment=comment,
        length=length,
        precision=precision,
        scale=scale,
        collation=collation,
        enum_values=labels or [],
        array_dimensions=dimensions,
        domain=_domain(domain) if domain else None,
        identity=_IDENTITIES.get(identity),
        generated=_GENERATED.get(generated),
        generation_expression=expression if generated else None,
    )


def _modifiers(data_type: str) -> tuple[int | None, int | None, int | None]:
    """Return length, precision and scale of a type as ``format_type`` prints it."""
    match = _MODIFIERS.match(data_type)
    if match is None:
        return None, None, None
    first, second = int(match["first"]), match["second"]
    if match["type"] in ("character varying", "character", "bit", "bit varying"):
        return first, None, None
    scale = int(second) if second is not None and int(second) >= -1000 else None
    return None, first, scale


def _domain(values: list[Any]) -> Domain:
    schema, name, base_type, required, default, checks = values
    return Domain(name, schema, base_type, nullable=not required, default=default, checks=checks or [])


def _constraint(values: list[Any]) -> Constraint:
    name, kind, columns, expression, reference, deferrable, deferred, validated, no_inherit, enforced, not_distinct, comment = values
    return Constraint(
        type=_CONSTRAINT_TYPES[kind],
        name=name,
        columns=columns or [],
        expression=expression,
        references=_reference(reference) if reference else None,
        deferrable=deferrable,
        initially_deferred=deferred,
        validated=validated,
        enforced=enforced,
        nulls_not_distinct=not_distinct,
        no_inherit=no_inherit,
        comment=comment,
    )


def _reference(values: list[Any]) -> Reference:
    schema, table, columns, on_update, on_delete, match = values
    return Reference(table, schema, columns or [], _ACTIONS[on_update], _ACTIONS[on_delete], _MATCHES.get(match))


def _index(values: list[Any]) -> Index:
    name, parts, keys, unique, primary, method, predicate, not_distinct, valid, comment, storage = values
    return Index(
        name=name,
        parts=[_index_part(part) for part in parts[:keys]],
        unique=unique,
        primary=primary,
        method=method,
        predicate=predicate,
        include=[part[0] for part in parts[keys:]],
        nulls_not_distinct=not_distinct,
        valid=valid,
        comment=comment,
        options=dict(option.split("=", 1) for option in sorted(storage or ())),
    )


def _index_part(values: list[Any]) -> IndexPart:
    column, expression, option, operator_class, collation = values
    descending = bool((option or 0) & _DESCENDING)
    nulls_first = bool((option or 0) & _NULLS_FIRST)
    nulls: Literal["first", "last"] | None = None
    if nulls_first != descending:
        nulls = "first" if nulls_first else "last"
    return IndexPart(column, expression, descending, nulls, collation, operator_class)


def _partitioning(key: str) -> Partitioning:
    match = _STRATEGY.match(key)
    if match is None:
        return Partitioning(strategy="unknown", key=key)
    parts = [part.strip() for part in match[2].split(",")]
    plain = [part.strip('"').replace('""', '"') for part in parts if _PLAIN_KEY.match(part)]
    return Partitioning(strategy=match[1].lower(), key=match[2], columns=plain)
