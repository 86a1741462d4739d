"""What differs between two structures of one table, in lines that people read. Pure: payloads in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, SchemaSnapshot, from_payload

_TEXTS = ("object_type", "definition", "comment", "owner", "options", "partitioning", "partition_of", "inherits")


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """Return lines that begin with ``+`` (new), ``-`` (gone) or ``~`` (other) for two ``schema_snapshot`` payloads."""
    if before is None and after is None:
        return []
    if before is None and after is not None:
        return [f"+ {_title(from_payload(dict(after)))}"]
    if after is None and before is not None:
        return [f"- {_title(from_payload(dict(before)))}"]
    return list(_compare(from_payload(dict(before or {})), from_payload(dict(after or {}))))


def _compare(old: SchemaSnapshot, new: SchemaSnapshot) -> Iterator[str]:
    yield from _compare_named("column", old.columns, new.columns, lambda column: column.name, _column)
    yield from _compare_named("constraint", old.constraints, new.constraints, _constraint, _constraint)
    yield from _compare_named("index", old.indexes, new.indexes, lambda index: index.name, _index)
    for name in _TEXTS:
        if getattr(old, name) != getattr(new, name):
            yield f"~ {name.replace('_', ' ')}"


def _compare_named(word: str, old: list[Any], new: list[Any], name: Callable[[Any], str], describe: Callable[[Any], str]) -> Iterator[str]:
    was, now = {name(item): item for item in old}, {name(item): item for item in new}
    for key in now:
        if key not in was:
            yield f"+ {word} {describe(now[key])}"
        elif was[key] != now[key]:
            yield f"~ {word} {describe(was[key])} -> {describe(now[key])}"
    yield from (f"- {word} {describe(was[key])}" for key in was if key not in now)


def _title(snapshot: SchemaSnapshot) -> str:
    return f"{snapshot.object_type.replace('_', ' ')} with {len(snapshot.columns)} columns"


def _column(column: Column) -> str:
    default = f" default {column.default}" if column.default is not None else ""
    return f"{column.name} {column.data_type}{'' if column.nullable else ' not null'}{default}"


def _constraint(constraint: Constraint) -> str:
    named = f"{constraint.name} " if constraint.name else ""
    subject = constraint.expression or ", ".join(constraint.columns)
    target = f" -> {constraint.references.table}" if constraint.references else ""
    return f"{named}{constraint.type.replace('_', ' ')} ({subject}){target}"


def _index(index: Index) -> str:
    parts = ", ".join((part.column or part.expression or "") + (" descending" if part.descending else "") for part in index.parts)
    return f"{index.name} {'unique ' if index.unique else ''}({parts})"
