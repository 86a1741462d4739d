"""Compare the columns of a table by name, and their order apart from everything else. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from factbook.diff.found import Found, fields
from factbook.diff.model import Aspect
from factbook.diff.paths import join_path
from factbook_sdk.facts.kinds.schema_snapshot import Column

COLUMN_FIELDS: dict[str, Aspect] = {
    "data_type": "structure",
    "length": "structure",
    "precision": "structure",
    "scale": "structure",
    "unsigned": "structure",
    "array_dimensions": "structure",
    "enum_values": "structure",
    "domain": "structure",
    "nullable": "structure",
    "default": "structure",
    "identity": "structure",
    "generated": "structure",
    "generation_expression": "structure",
    "on_update": "structure",
    "invisible": "structure",
    "collation": "collation",
    "character_set": "collation",
    "comment": "comment",
}
_PARTS_OF_A_TYPE = frozenset({"length", "precision", "scale", "unsigned", "array_dimensions"})
_COME_WITH_A_TYPE = frozenset({"enum_values", "domain", "collation", "character_set"})


def compare_columns(before: Sequence[Column], after: Sequence[Column]) -> Iterator[Found]:
    """Yield what differs: columns gone, columns come, then the fields and the order of those that stayed."""
    if before == after:
        return
    old = {column.name: column for column in before}
    new = {column.name: column for column in after}
    for name, column in old.items():
        if name not in new:
            yield Found("removed", "column", join_path("columns", name), before=msgspec.to_builtins(column))
    for name, column in new.items():
        if name not in old:
            yield Found("added", "column", join_path("columns", name), after=msgspec.to_builtins(column))
    for name, column in new.items():
        if name in old and old[name] != column:
            yield from _compare(old[name], column)
    yield from _moved(before, after)


def _compare(before: Column, after: Column) -> Iterator[Found]:
    is_list = _is_one_list(before, after)
    is_other_type = before.data_type != after.data_type and not is_list
    for item in fields("column", ("columns", after.name), before, after, COLUMN_FIELDS):
        field = item.path.rpartition(".")[2]
        if field == "data_type" and is_list:
            continue
        if is_other_type and (field in _PARTS_OF_A_TYPE or (field in _COME_WITH_A_TYPE and not (item.before and item.after))):
            continue
        if field == "enum_values" and sorted(before.enum_values) == sorted(after.enum_values):
            item = item._replace(aspect="order")
        yield item


def _is_one_list(before: Column, after: Column) -> bool:
    """Return whether the type is a list of values written out (MySQL), so that it says again what ``enum_values`` says."""
    if not (before.enum_values and after.enum_values):
        return False
    old, new = before.data_type.partition("("), after.data_type.partition("(")
    return old[0] == new[0] and bool(old[1] and new[1])


def _moved(before: Sequence[Column], after: Sequence[Column]) -> Iterator[Found]:
    """Yield the fewest columns whose moving explains the new order of those that stayed."""
    old = {column.name: column.position for column in before}
    stayed = [column for column in sorted(after, key=lambda column: column.position) if column.name in old]
    kept = _longest_rising([old[column.name] for column in stayed])
    for index, column in enumerate(stayed):
        if index not in kept:
            yield Found("changed", "column", join_path("columns", column.name, "position"), "order", old[column.name], column.position)


def _longest_rising(places: Sequence[int]) -> set[int]:
    """Return the indexes of a longest rising subsequence (patience sorting)."""
    tops: list[int] = []
    top_indexes: list[int] = []
    previous: list[int] = []
    for index, place in enumerate(places):
        pile = bisect_left(tops, place)
        previous.append(top_indexes[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [place]
        top_indexes[pile : pile + 1] = [index]
    kept: set[int] = set()
    index = top_indexes[-1] if top_indexes else -1
    while index >= 0:
        kept.add(index)
        index = previous[index]
    return kept
