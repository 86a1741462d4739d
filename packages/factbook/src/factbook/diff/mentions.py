"""What in the catalogue itself refers to a changed table: foreign keys for certain, texts of views as a guess. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from factbook.diff.downstream import Columns
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, SchemaSnapshot

_WORD = re.compile(r'"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|\[([^\]]+)\]|(\w+)')


class HitReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A foreign key of ``schema.table`` that points at a changed table."""

    schema: str
    table: str
    changed: str
    columns: list[str] = []
    constraint: str | None = None


class Mention(msgspec.Struct, frozen=True):
    """A view whose text mentions a changed table, and what changed of it, by name: a guess, since a text may mean another thing of that
    name."""

    schema: str
    table: str
    changed: str


def references(catalog: Iterable[tuple[TableName, SchemaSnapshot]], changed: Mapping[TableName, Columns]) -> list[HitReference]:
    """Return the foreign keys of other tables that point at the changed ones, or at the changed columns where those are known."""
    found = [
        HitReference(name.schema, name.table, str(at), list(constraint.columns), constraint.name)
        for name, snapshot in catalog
        for constraint in snapshot.constraints
        if constraint.type == "foreign_key" and (at := _pointed_at(name, constraint, changed)) is not None and at != name
    ]
    return sorted(found, key=lambda hit: (hit.schema, hit.table, hit.constraint or ""))


def mentions(catalog: Iterable[tuple[TableName, SchemaSnapshot]], changed: Mapping[TableName, Columns]) -> list[Mention]:
    """Return the views whose text mentions a changed table and, where the changed columns are known, one of them or ``*``."""
    wanted: dict[str, list[TableName]] = {}
    for name in changed:
        wanted.setdefault(name.table.casefold(), []).append(name)
    found: list[Mention] = []
    for view, snapshot in catalog:
        if not snapshot.definition:
            continue
        words = {next(filter(None, match.groups())).casefold() for match in _WORD.finditer(snapshot.definition)}
        said = (name for word in words & wanted.keys() for name in wanted[word])
        uses_all = "*" in snapshot.definition
        found += [
            Mention(view.schema, view.table, str(name)) for name in said if name != view and (uses_all or _is_used(changed[name], words))
        ]
    return sorted(found, key=lambda hit: (hit.schema, hit.table, hit.changed))


def _is_used(columns: Columns, words: Collection[str]) -> bool:
    return columns is None or any(column.casefold() in words for column in columns)


def _pointed_at(holder: TableName, constraint: Constraint, changed: Mapping[TableName, Columns]) -> TableName | None:
    reference = constraint.references
    if reference is None:
        return None
    at = TableName(reference.schema or holder.schema, reference.table)
    if at not in changed:
        return None
    columns = changed[at]
    return at if columns is None or not reference.columns or columns & set(reference.columns) else None
