"""See one catalogue through the names of another: schemas that are called otherwise, wherever a structure mentions them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from factbook.diff.compare import Catalog
from factbook.errors import InvalidRequest
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, SchemaSnapshot


def parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``other=own`` pairs: the schema ``other`` of the other side is compared with ``own``."""
    found: dict[str, str] = {}
    for pair in pairs:
        other, equals, own = pair.partition("=")
        if not (other and equals and own):
            raise InvalidRequest(f"{pair!r} maps no schema", fix="Write OTHER=OWN, for example public=sales", field="map_schema")
        if found.setdefault(other, own) != own:
            raise InvalidRequest(f"The schema {other!r} is mapped twice", why=f"to {found[other]} and {own}", field="map_schema")
    return found


def renamed_schemas(catalog: Catalog, mapping: Mapping[str, str]) -> Catalog:
    """Return the catalogue with its schemas called otherwise. Two that would become one are refused."""
    if not mapping:
        return catalog
    unknown = sorted(set(mapping) - {name.schema for name in catalog})
    if unknown:
        raise InvalidRequest(
            f"There is no schema {unknown[0]!r} to map",
            why=f"the other side has {', '.join(sorted({name.schema for name in catalog})) or 'none'}",
            field="map_schema",
        )
    seen: dict[TableName, SchemaSnapshot] = {}
    for name, snapshot in catalog.items():
        key = TableName(mapping.get(name.schema, name.schema), name.table)
        if key in seen:
            raise InvalidRequest(f"Two tables would be {key}", why="two schemas are mapped to one", field="map_schema")
        seen[key] = _renamed(snapshot, mapping)
    return seen


def _renamed(snapshot: SchemaSnapshot, mapping: Mapping[str, str]) -> SchemaSnapshot:
    parent = snapshot.partition_of
    return msgspec.structs.replace(
        snapshot,
        columns=[_column(column, mapping) for column in snapshot.columns],
        constraints=[_constraint(constraint, mapping) for constraint in snapshot.constraints],
        partition_of=None if parent is None else msgspec.structs.replace(parent, schema=_name(parent.schema, mapping)),
        inherits=[_qualified(name, mapping) for name in snapshot.inherits],
    )


def _column(column: Column, mapping: Mapping[str, str]) -> Column:
    if column.domain is None and "." not in column.data_type:
        return column
    domain = None if column.domain is None else msgspec.structs.replace(column.domain, schema=_name(column.domain.schema, mapping))
    return msgspec.structs.replace(column, domain=domain, data_type=_qualified(column.data_type, mapping))


def _constraint(constraint: Constraint, mapping: Mapping[str, str]) -> Constraint:
    if constraint.references is None:
        return constraint
    references = msgspec.structs.replace(constraint.references, schema=_name(constraint.references.schema, mapping))
    return msgspec.structs.replace(constraint, references=references)


def _name(schema: str | None, mapping: Mapping[str, str]) -> str | None:
    return schema if schema is None else mapping.get(schema, schema)


def _qualified(name: str, mapping: Mapping[str, str]) -> str:
    schema, dot, rest = name.partition(".")
    return f"{mapping[schema]}.{rest}" if dot and schema in mapping else name
