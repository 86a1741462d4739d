"""From a relation's document to its snapshot. Pure: what stands where in a document is laid down in ``postgres_catalog``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec

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
_REPLICA_IDENTITIES = {"f": "full", "n": "nothing", "i": "index"}
_MODIFIERS = re.compile(
    r"(?P<type>character varying|character|bit varying|bit|numeric|time|timestamp|interval[a-z ]*)\((?P<first>\d+)(?:,(?P<second>-?\d+))?\)"
)
_COUNTED = ("character varying", "character", "bit varying", "bit")
_STRATEGY = re.compile(r"(?P<strategy>[A-Z]+) \((?P<key>.*)\)", re.S)

# Bits of pg_index.indoption (src/include/catalog/pg_index.h).
_DESCENDING, _NULLS_FIRST = 1, 2


class _Facts(msgspec.Struct, frozen=True):
    """What a type's printed form says."""

    length: int | None
    precision: int | None
    scale: int | None
    is_array: bool


class _Shape(msgspec.Struct, frozen=True):
    """A column without its name, default and comment."""

    data_type: str
    nullable: bool
    identity: Literal["always", "by default"] | None
    generated: Literal["stored", "virtual"] | None
    dimensions: int | None
    facts: _Facts


def snapshot_of(document: bytes | str) -> SchemaSnapshot:
    """Build the snapshot of one relation."""
    marks, owner, rare, names, types, extras, defaults, comments, constraints, indexes = msgspec.json.decode(document)
    storage, method, tablespace, row_type, definition, key, bound, parents, foreign = rare or (None,) * 9
    named = {name: (collation, described) for name, collation, described in extras or ()}
    remarks = _by_place(comments)
    names = names or []
    found = [_index(values, names, named) for values in indexes or ()]
    return SchemaSnapshot(
        object_type=_OBJECT_TYPES[marks[0]],
        columns=_columns(names, types or (), named, _by_place(defaults), remarks),
        constraints=[_constraint(values, names, found) for values in constraints or ()],
        indexes=found,
        partitioning=_partitioning(key[0], _named(key[1], names)) if key else None,
        partition_of=PartitionOf(parents[0][1], parents[0][0], bound) if parents and bound is not None else None,
        inherits=[parent[2] for parent in parents or ()] if bound is None else [],
        definition=definition,
        comment=remarks.get(0),
        owner=owner,
        options=_options(marks, storage, method, tablespace, row_type, foreign),
    )


def _by_place(texts: Sequence[str] | None) -> dict[int, str]:
    return {int(place): text for place, _, text in (each.partition(":") for each in texts or ())}


def _named(places: Sequence[int] | None, names: Sequence[str]) -> list[str]:
    """Return the names of columns; expressions, whole rows and system columns have no place of their own."""
    return [names[place - 1] for place in places or () if place > 0]


def _columns(
    names: Sequence[str],
    types: Sequence[str],
    named: Mapping[str, tuple[str | None, str | None]],
    defaults: Mapping[int, str],
    comments: Mapping[int, str],
) -> list[Column]:
    columns = []
    for place, (name, coded) in enumerate(zip(names, types, strict=True), 1):
        shape = _shape(coded)
        collation, described = named.get(name, (None, None))
        labels, domain = _described(described) if described else ([], None)
        facts = _facts(domain.base_type) if domain and domain.base_type else shape.facts
        expression = defaults.get(place)
        columns.append(
            Column(
                name=name,
                position=place,
                data_type=shape.data_type,
                nullable=shape.nullable,
                default=None if shape.generated else expression,
                comment=comments.get(place),
                length=facts.length,
                precision=facts.precision,
                scale=facts.scale,
                collation=collation,
                enum_values=labels,
                array_dimensions=shape.dimensions or (1 if facts.is_array else None),
                domain=domain,
                identity=shape.identity,
                generated=shape.generated,
                generation_expression=expression if shape.generated else None,
            )
        )
    return columns


@lru_cache(maxsize=4096)
def _shape(coded: str) -> _Shape:
    """Return what a column's flags and type say: columns by the thousand share theirs."""
    flags, _, data_type = coded.partition(":")
    return _Shape(
        data_type=data_type,
        nullable=not flags.startswith("!"),
        identity="always" if "a" in flags else "by default" if "d" in flags else None,
        generated="stored" if "S" in flags else "virtual" if "V" in flags else None,
        dimensions=int(flags.lstrip("!adSV") or 1) if data_type.endswith("[]") else None,
        facts=_facts(data_type),
    )


@lru_cache(maxsize=4096)
def _facts(data_type: str) -> _Facts:
    """Return length, precision and scale of a type as ``format_type`` prints it."""
    is_array = data_type.endswith("[]")
    match = _MODIFIERS.match(data_type)
    if match is None:
        return _Facts(None, None, None, is_array)
    first, second = int(match["first"]), match["second"]
    if match["type"] in _COUNTED:
        return _Facts(first, None, None, is_array)
    return _Facts(None, first, int(second) if second is not None else None, is_array)


@lru_cache(maxsize=4096)
def _described(text: str) -> tuple[list[str], Domain | None]:
    labels, domain = msgspec.json.decode(text)
    if domain is None:
        return labels or [], None
    schema, name, base_type, nullable, default, checks = domain
    return labels or [], Domain(name, schema, base_type, nullable=nullable, default=default, checks=checks or [])


def _constraint(values: Sequence[str | None], names: Sequence[str], indexes: Sequence[Index]) -> Constraint:
    name, flags, keys, expression, schema, table, targets, actions, set_columns, comment = values
    flags = flags or ""
    reference = None
    if table is not None and actions is not None:
        on_delete = _ACTIONS[actions[1]]
        if set_columns is not None:
            on_delete = f"{on_delete} ({', '.join(_named(_decoded(set_columns), names))})"
        reference = Reference(table, schema, _decoded(targets) or [], _ACTIONS[actions[0]], on_delete, _MATCHES[actions[2]])
    return Constraint(
        type=_CONSTRAINT_TYPES[flags[0]],
        name=name,
        columns=_named(_decoded(keys), names),
        expression=expression,
        references=reference,
        deferrable="d" in flags[1:],
        initially_deferred="D" in flags,
        validated="V" not in flags,
        enforced="E" not in flags,
        # The index behind a unique constraint always has its name.
        nulls_not_distinct=flags[0] == "u" and any(index.name == name and index.nulls_not_distinct for index in indexes),
        no_inherit="I" in flags,
        comment=comment,
    )


def _index(values: Sequence[str | None], names: Sequence[str], named: Mapping[str, tuple[str | None, str | None]]) -> Index:
    name, flags, method, keys, orders, expressions, predicate, classes, collations, storage, comment = values
    flags = flags or ""
    count = int(flags.lstrip("upVN"))
    places: list[int] = _decoded(keys) or []
    printed = iter(_decoded(expressions) or ())
    parts = []
    for number, place in enumerate(places[:count]):
        column = names[place - 1] if place > 0 else None
        own = named.get(column or "", (None, None))[0]
        parts.append(
            _part(
                column,
                None if column else next(printed),
                (_decoded(orders) or [0] * count)[number],
                _differing((_decoded(collations) or [None] * count)[number], own),
                (_decoded(classes) or [None] * count)[number],
            )
        )
    return Index(
        name=name or "",
        parts=parts,
        unique="u" in flags,
        primary="p" in flags,
        method=method,
        predicate=predicate,
        include=_named(places[count:], names),
        nulls_not_distinct="N" in flags,
        valid="V" not in flags,
        comment=comment,
        options=_pairs(_decoded(storage)),
    )


def _part(column: str | None, expression: str | None, order: int, collation: str | None, operator_class: str | None) -> IndexPart:
    descending, nulls_first = bool(order & _DESCENDING), bool(order & _NULLS_FIRST)
    nulls: Literal["first", "last"] | None = None
    if nulls_first != descending:
        nulls = "first" if nulls_first else "last"
    return IndexPart(column, expression, descending, nulls, collation, operator_class)


def _differing(collation: str | None, own: str | None) -> str | None:
    """Return the collation of an index where it is not the column's own; the database's default goes without saying."""
    shown = None if collation == "default" else collation
    return None if shown == own else shown or "default"


def _partitioning(definition: str, columns: list[str]) -> Partitioning:
    match = _STRATEGY.fullmatch(definition)
    if match is None:
        return Partitioning(strategy="unknown", key=definition, columns=columns)
    return Partitioning(strategy=match["strategy"].lower(), key=match["key"], columns=columns)


def _options(
    marks: str,
    storage: Sequence[str] | None,
    method: str | None,
    tablespace: str | None,
    row_type: str | None,
    foreign: tuple[str, list[str] | None] | None,
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if marks[1] == "u":
        options["unlogged"] = True
    if "R" in marks:
        options["row_security"] = "forced" if "F" in marks else "enabled"
    elif "F" in marks:
        options["row_security"] = "forced, disabled"
    if marks[-1] in _REPLICA_IDENTITIES and len(marks) > 2:
        options["replica_identity"] = _REPLICA_IDENTITIES[marks[-1]]
    if storage:
        # A view's parameters are part of its meaning (check_option, security_barrier); a table's are how it is stored.
        options.update(_pairs(storage) if marks[0] == "v" else {"storage": _pairs(storage)})
    options.update({"access_method": method} if method else {})
    options.update({"tablespace": tablespace} if tablespace else {})
    options.update({"of_type": row_type} if row_type else {})
    if foreign:
        options["server"], options["server_options"] = foreign[0], _pairs(foreign[1])
    return options


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (text.partition("=") for text in texts or ())}


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
