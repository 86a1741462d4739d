"""Compare two catalogues: what was added, removed and changed, each thing once and in one respect. Pure.

What follows from another difference is not said again: an index behind a key that came or went, a length that is part of a type, the
position of columns behind one that was added, a not-null constraint beside the column's own ``nullable``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from factbook.diff.compare_columns import compare_columns
from factbook.diff.compare_keys import compare_constraints, compare_indexes
from factbook.diff.found import Found, fields
from factbook.diff.model import Aspect, Difference
from factbook.diff.paths import join_path
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import Partitioning, SchemaSnapshot

Catalog = Mapping[TableName, SchemaSnapshot]

TABLE_FIELDS: dict[str, Aspect] = {
    "object_type": "structure",
    "definition": "definition",
    "comment": "comment",
    "owner": "storage",
    "inherits": "structure",
}
_SHAPING_OPTIONS = frozenset(
    {"check_option", "security", "security_barrier", "security_invoker", "row_security", "strict", "without_rowid", "of_type"}
)
"""Options that decide what readers get or writers may write; the others are storage."""

_METHOD = ("strategy", "key", "columns", "sub_strategy", "sub_key")
PARTITION_FIELDS: dict[str, Aspect] = {"values": "structure", "subpartitions": "structure", "comment": "comment"}


def compare_catalogs(before: Catalog, after: Catalog, *, across: bool = False) -> list[Difference]:
    """Return what differs, by schema, table and place within it; equal tables cost one comparison each.

    ``across`` compares two places that are meant to be alike: there who owns a table says nothing.
    """
    found: list[Difference] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            found.extend(compare_tables(name, old, new, across=across))
    return found


def compare_schemas(before: Iterable[str], after: Iterable[str]) -> list[Difference]:
    """Return the schemas that came and went."""
    gone, come = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    removed = [Difference("removed", "schema", name, None) for name in gone]
    return removed + [Difference("added", "schema", name, None) for name in come]


def compare_tables(
    name: TableName, before: SchemaSnapshot | None, after: SchemaSnapshot | None, *, across: bool = False
) -> Iterator[Difference]:
    """Yield what differs between two states of one table; ``None`` where there is none."""
    for item in _compare(before, after, across):
        yield Difference(item.change, item.object, name.schema, name, item.path, item.aspect, item.before, item.after, before, after)


def _compare(before: SchemaSnapshot | None, after: SchemaSnapshot | None, across: bool) -> Iterator[Found]:
    if before is None or after is None:
        if before is not None:
            yield Found("removed", "table", before=_outline(before))
        elif after is not None:
            yield Found("added", "table", after=_outline(after))
        return
    names = {field: aspect for field, aspect in TABLE_FIELDS.items() if not (across and field == "owner")}
    yield from fields("table", (), before, after, names)
    yield from _compare_options(before, after)
    yield from compare_columns(before.columns, after.columns)
    yield from compare_constraints(before, after)
    yield from compare_indexes(before, after)
    yield from _compare_partitioning(before.partitioning, after.partitioning)
    yield from fields("partition", (), before, after, {"partition_of": "structure"})


def _outline(snapshot: SchemaSnapshot) -> dict[str, str | int]:
    """Return what a removed or added table was, in short; the whole of it is in its snapshot."""
    return {"object_type": snapshot.object_type, "columns": len(snapshot.columns)}


def _compare_options(before: SchemaSnapshot, after: SchemaSnapshot) -> Iterator[Found]:
    for key in sorted(before.options.keys() | after.options.keys()):
        old, new = before.options.get(key), after.options.get(key)
        if old != new:
            aspect: Aspect = "collation" if "collation" in key else "structure" if key in _SHAPING_OPTIONS else "storage"
            yield Found("changed", "table", join_path("options", key), aspect, old, new)


def _compare_partitioning(before: Partitioning | None, after: Partitioning | None) -> Iterator[Found]:
    """Compare the method as one thing, then partition by partition; their order follows from their bounds."""
    if before == after:
        return
    old, new = _method(before), _method(after)
    if old != new:
        yield Found("changed", "table", "partitioning", before=old, after=new)
    if before is None or after is None:
        return
    old_parts = {partition.name: partition for partition in before.partitions}
    new_parts = {partition.name: partition for partition in after.partitions}
    for name in [*old_parts, *(name for name in new_parts if name not in old_parts)]:
        path = ("partitioning", "partitions", name)
        if name not in new_parts:
            yield Found("removed", "partition", join_path(*path), before=msgspec.to_builtins(old_parts[name]))
        elif name not in old_parts:
            yield Found("added", "partition", join_path(*path), after=msgspec.to_builtins(new_parts[name]))
        else:
            yield from fields("partition", path, old_parts[name], new_parts[name], PARTITION_FIELDS)


def _method(partitioning: Partitioning | None) -> dict[str, object] | None:
    return None if partitioning is None else {name: value for name in _METHOD if (value := getattr(partitioning, name))}
