"""Differences to judge: written short, or found by comparing two states of a table."""

from __future__ import annotations

from typing import Any

import msgspec

from factbook.diff.model import Difference, Verdict
from factbook.diff.paths import constraint_label, join_path
from factbook.diff.verdict import judge
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot

HOSTILE = 'a"b.c%d\n{part}'
"""A name with all that quoting, formatting and splitting may stumble over."""


def column(name: str = "c", data_type: str = "integer", **more: Any) -> Column:
    return Column(name, 1, data_type, **more)


def table(*columns: Column, object_type: Any = "table", **more: Any) -> SchemaSnapshot:
    return SchemaSnapshot(object_type, list(columns), **more)


def key(kind: Any, *columns: str, name: str | None = "k", **more: Any) -> Constraint:
    return Constraint(kind, name, list(columns), **more)


def foreign_key(on_delete: str | None = None, table_name: str = "t") -> Constraint:
    return key("foreign_key", "c", references=Reference(table_name, "public", ["id"], on_delete=on_delete))


def index(*columns: str, name: str = "i", **more: Any) -> Index:
    return Index(name, [IndexPart(column) for column in columns], **more)


def found(old: SchemaSnapshot | None, new: SchemaSnapshot | None, /, **more: Any) -> Difference:
    change = "added" if old is None else "removed" if new is None else "changed"
    settings = {"object": "table", "schema": "public", "name": TableName("public", "orders"), "change": change} | more
    return Difference(snapshot_before=old, snapshot_after=new, **settings)


def of_column(before: Column | None, after: Column | None, field: str = "", **more: Any) -> Difference:
    """Return the difference of one column, or of one field of it."""
    some = after or before
    assert some is not None
    path = join_path("columns", some.name, *field.split(".")) if field else join_path("columns", some.name)
    change = "added" if before is None else "removed" if after is None else "changed"
    sides = [_side(before, field), _side(after, field)]
    snapshots = [table(*([side] if side else []), **more) for side in (before, after)]
    return found(*snapshots, object="column", change=change, path=path, before=sides[0], after=sides[1])


def of_constraint(before: Constraint | None, after: Constraint | None, field: str = "") -> Difference:
    some = after or before
    assert some is not None
    path = join_path("constraints", constraint_label(some), *([field] if field else []))
    change = "added" if before is None else "removed" if after is None else "changed"
    snapshots = [table(column(), constraints=[side] if side else []) for side in (before, after)]
    return found(*snapshots, object="constraint", change=change, path=path, before=_side(before, field), after=_side(after, field))


def of_index(before: Index | None, after: Index | None, field: str = "", **more: Any) -> Difference:
    some = after or before
    assert some is not None
    path = join_path("indexes", some.name, *([field] if field else []))
    change = "added" if before is None else "removed" if after is None else "changed"
    snapshots = [table(column(), indexes=[side] if side else [], **more) for side in (before, after)]
    return found(*snapshots, object="index", change=change, path=path, before=_side(before, field), after=_side(after, field))


def _side(item: Any, field: str) -> Any:
    value = msgspec.to_builtins(item)
    for step in field.split(".") if field else ():
        item = getattr(item, step, None)
        value = msgspec.to_builtins(item)
    return value


def said(difference: Difference, **options: Any) -> tuple[str, str, str]:
    """Return rule, severity and whom it breaks, as the tests write them."""
    verdict: Verdict = judge(difference, **options)
    return verdict.rule, verdict.severity, " ".join(verdict.breaks)
