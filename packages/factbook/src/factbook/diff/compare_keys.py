"""Compare constraints and indexes by what they say, not by what they are called: names are often generated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

import msgspec

from factbook.diff.found import Found, fields
from factbook.diff.model import Aspect
from factbook.diff.paths import constraint_label, join_path
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, Index, IndexPart, SchemaSnapshot

Item = TypeVar("Item", Constraint, Index)

CONSTRAINT_FIELDS: dict[str, Aspect] = {
    "name": "structure",
    "columns": "structure",
    "expression": "structure",
    "references": "structure",
    "deferrable": "structure",
    "initially_deferred": "structure",
    "validated": "structure",
    "enforced": "structure",
    "nulls_not_distinct": "structure",
    "no_inherit": "structure",
    "comment": "comment",
}
INDEX_FIELDS: dict[str, Aspect] = {
    "name": "structure",
    "parts": "structure",
    "unique": "structure",
    "primary": "structure",
    "predicate": "structure",
    "include": "structure",
    "nulls_not_distinct": "structure",
    "method": "storage",
    "valid": "storage",
    "visible": "storage",
    "options": "storage",
    "comment": "comment",
}
_SAID_BY_THE_KEY = frozenset({"name", "parts", "unique", "primary", "nulls_not_distinct"})
_SQLITE_KEY = "sqlite_autoindex_"


def compare_constraints(before: SchemaSnapshot, after: SchemaSnapshot) -> Iterator[Found]:
    """Yield what differs between the constraints of two states of a table."""
    if before.constraints == after.constraints:
        return
    pairs, gone, come = _matched(before.constraints, after.constraints, _constraint_identity)
    for old, new in pairs:
        yield from fields("constraint", ("constraints", constraint_label(new)), old, new, CONSTRAINT_FIELDS)
    for constraint in gone:
        if _says_something(constraint):
            path = join_path("constraints", constraint_label(constraint))
            yield Found("removed", "constraint", path, before=msgspec.to_builtins(constraint))
    for constraint in come:
        if _says_something(constraint):
            path = join_path("constraints", constraint_label(constraint))
            yield Found("added", "constraint", path, after=msgspec.to_builtins(constraint))


def _constraint_identity(constraint: Constraint) -> Hashable:
    """Return by what a constraint that says something else now is still the same: a table has one primary key, others have a name."""
    if constraint.type == "primary_key":
        return "primary_key"
    return (constraint.type, constraint.name) if constraint.name else None


def _says_something(constraint: Constraint) -> bool:
    """Return whether the columns do not say it already: newer PostgreSQL lists what ``nullable`` tells as constraints, too."""
    return constraint.type != "not_null" or not constraint.validated


def compare_indexes(before: SchemaSnapshot, after: SchemaSnapshot) -> Iterator[Found]:
    """Yield what differs between the indexes of two states of a table; what a key's own index does follows from the key."""
    if before.indexes == after.indexes:
        return
    pairs, gone, come = _matched(before.indexes, after.indexes, lambda index: index.name)
    for old, new in pairs:
        behind_key = _is_behind_key(old, before) and _is_behind_key(new, after)
        for item in fields("index", ("indexes", new.name), old, new, INDEX_FIELDS):
            field = item.path.rpartition(".")[2]
            aspect = _aspect_of_parts(old.parts, new.parts) if field == "parts" else item.aspect
            if not behind_key or field not in _SAID_BY_THE_KEY or aspect != "structure":
                yield item._replace(aspect=aspect)
    for index in gone:
        if not _is_behind_key(index, before):
            yield Found("removed", "index", join_path("indexes", index.name), before=msgspec.to_builtins(index))
    for index in come:
        if not _is_behind_key(index, after):
            yield Found("added", "index", join_path("indexes", index.name), after=msgspec.to_builtins(index))


def _is_behind_key(index: Index, snapshot: SchemaSnapshot) -> bool:
    """Return whether the index is how the engine keeps a key or an exclusion: they share a name, or the engine made one up."""
    for constraint in snapshot.constraints:
        if constraint.type == "primary_key" and index.primary:
            return True
        if constraint.type in ("primary_key", "unique", "exclusion"):
            columns = [part.column for part in index.parts]
            if index.name == constraint.name or (index.name.startswith(_SQLITE_KEY) and columns == constraint.columns):
                return True
    return False


def _aspect_of_parts(before: Sequence[IndexPart], after: Sequence[IndexPart]) -> Aspect:
    def bare(parts: Sequence[IndexPart], **unsaid: None) -> list[IndexPart]:
        return [msgspec.structs.replace(part, **unsaid) for part in parts]

    if bare(before, operator_class=None) == bare(after, operator_class=None):
        return "storage"
    return "collation" if bare(before, collation=None) == bare(after, collation=None) else "structure"


def _matched(
    before: Sequence[Item], after: Sequence[Item], identity: Callable[[Item], Hashable]
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    """Return the pairs that are one thing, what is gone and what has come: first by equal content, of those by name, then by identity."""
    pairs: list[tuple[Item, Item]] = []
    for key in (lambda item: (item.name, _content(item)), _content, identity):
        matched, before, after = _paired(before, after, key)
        pairs.extend(matched)
    return [(old, new) for old, new in pairs if old != new], list(before), list(after)


def _paired(
    before: Sequence[Item], after: Sequence[Item], key: Callable[[Item], Hashable]
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    waiting: dict[Hashable, list[Item]] = {}
    for item in before:
        waiting.setdefault(key(item), []).append(item)
    pairs: list[tuple[Item, Item]] = []
    come: list[Item] = []
    for item in after:
        same = waiting.get(place) if (place := key(item)) is not None else None
        if same:
            pairs.append((same.pop(0), item))
        else:
            come.append(item)
    taken = {id(old) for old, _ in pairs}
    return pairs, [item for item in before if id(item) not in taken], come


def _content(item: Constraint | Index) -> bytes:
    nameless = msgspec.structs.replace(item, name="" if isinstance(item, Index) else None, comment=None)
    return msgspec.json.encode(nameless)
