"""A difference laid out for the rules: what the path names, as typed values of both sides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from factbook.diff.model import Aspect, Difference
from factbook.diff.paths import constraint_label, split_path
from factbook_sdk.checks.types import Relation, compare_types
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, SchemaSnapshot

_LONGEST = 80
"""Characters of a value that a sentence shows."""


class Case(msgspec.Struct, frozen=True):
    """``attribute`` is the field that changed (``data_type``, ``references.on_delete``), empty where the object itself came or went.
    ``part`` is the name of the column, constraint, index or partition. The typed values are ``None`` on the side where there is none."""

    difference: Difference
    attribute: str = ""
    part: str = ""
    engine: str | None = None
    column_before: Column | None = None
    column_after: Column | None = None
    constraint_before: Constraint | None = None
    constraint_after: Constraint | None = None
    index_before: Index | None = None
    index_after: Index | None = None
    types: Relation | None = None
    """How the types compare, where the difference is of a type."""

    @property
    def aspect(self) -> Aspect:
        """Return in what respect, as the rules divide it: only a view has a definition; and a comment is one under whichever name."""
        told, what = self.difference.aspect, self.difference.object
        if (what, self.attribute) in _WEIGHTY:
            return "structure"
        if told == "definition" and what != "table":
            told = "structure"
        return _TELLING.get(self.attribute, told) if told == "structure" else told

    @property
    def is_of_view(self) -> bool:
        snapshot = self.difference.snapshot_after or self.difference.snapshot_before
        return snapshot is not None and snapshot.object_type in VIEWS

    @property
    def is_written(self) -> bool:
        """Return whether somebody can write what the difference is of.

        A view is taken to be for reading only, unless it has a check option, which engines have for those alone that pass writes on. What
        became a view, or was one, could be written on one side.
        """
        snapshots = [side for side in (self.difference.snapshot_before, self.difference.snapshot_after) if side is not None]
        return not snapshots or any(side.object_type not in VIEWS or side.options.get("check_option") for side in snapshots)

    def words(self) -> dict[str, str]:
        """Return what a rule's sentence may name."""
        return {"part": self.part, "before": shown(self.difference.before), "after": shown(self.difference.after)}


_TELLING: dict[str, Aspect] = {
    "comment": "comment",
    "position": "order",
    "collation": "collation",
    "character_set": "collation",
    "owner": "storage",
    "definition": "definition",
}
"""Attributes that belong to an aspect of their own, whoever compared."""

_WEIGHTY = {("column", "enum_values"), ("index", "valid"), ("index", "visible")}
"""What is compared as order or storage, and matters to others all the same: what is sorted by labels, and what an index serves."""

VIEWS = ("view", "materialized_view")

TYPE_ATTRIBUTES = ("data_type", "length", "precision", "scale", "unsigned", "array_dimensions")
"""The type as the engine prints it, and what it is taken apart into."""

_NAMED_PARTS = ("columns", "constraints", "indexes")


def case_of(difference: Difference, engine: str | None = None) -> Case:
    """Lay out a difference. The path decides what is looked up; what the snapshots lack is read from ``before`` and ``after``."""
    parts = split_path(difference.path)
    listed, name, attribute = _taken_apart(parts)
    case = Case(difference, attribute, name, engine)
    before, after = difference.snapshot_before, difference.snapshot_after
    if listed == "columns":
        changes: dict[str, Any] = {
            "column_before": _named(_columns(before), name) or _read(difference.before, Column),
            "column_after": _named(_columns(after), name) or _read(difference.after, Column),
        }
        if attribute in TYPE_ATTRIBUTES:
            changes["types"] = _related(changes["column_before"], changes["column_after"], engine)
    elif listed == "constraints":
        pair = (_constraint(before, name), _constraint(after, name))
        changes = {
            "constraint_before": pair[0] or _read(difference.before, Constraint) or (pair[1] if attribute == "name" else None),
            "constraint_after": pair[1] or _read(difference.after, Constraint),
        }
    elif listed == "indexes":
        changes = {
            "index_before": _named(_indexes(before), name) or _read(difference.before, Index),
            "index_after": _named(_indexes(after), name) or _read(difference.after, Index),
        }
    else:
        return case
    return msgspec.structs.replace(case, **changes)


def _related(before: Column | None, after: Column | None, engine: str | None) -> Relation:
    return Relation.REPLACED if before is None or after is None else compare_types(before, after, engine)


def shown(value: Any) -> str:
    """Return a value as a sentence shows it: short, and ``nothing`` for none."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _taken_apart(parts: tuple[str, ...]) -> tuple[str, str, str]:
    if parts and parts[0] in _NAMED_PARTS and len(parts) > 1:
        return parts[0], parts[1], ".".join(parts[2:])
    if parts[:2] == ("partitioning", "partitions") and len(parts) > 2:
        return "partitions", parts[2], ".".join(parts[3:])
    return "", "", ".".join(parts)


class _HasName(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_HasName)
T = TypeVar("T")


def _named(items: Iterable[N], name: str) -> N | None:
    return next((item for item in items if item.name == name), None)


def _columns(snapshot: SchemaSnapshot | None) -> list[Column]:
    return [] if snapshot is None else snapshot.columns


def _indexes(snapshot: SchemaSnapshot | None) -> list[Index]:
    return [] if snapshot is None else snapshot.indexes


def _constraint(snapshot: SchemaSnapshot | None, label: str) -> Constraint | None:
    constraints = [] if snapshot is None else snapshot.constraints
    return next((constraint for constraint in constraints if constraint_label(constraint) == label), None)


def _read(value: Any, expected: type[T]) -> T | None:
    """Read a whole column, constraint or index where the difference carries one."""
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, expected)
    except msgspec.ValidationError:
        return None
