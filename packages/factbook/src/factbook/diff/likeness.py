"""How alike two things are, from 0 to 1: names, types, lists of columns, measurements. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from factbook_sdk.facts.kinds.schema_snapshot import Column

_NAME_LENGTH = 64
"""Letters compared of a name: comparing costs their square."""

FEWEST_CERTAIN = 0.1
"""Measurements whose certainties add up to less say nothing: their bounds hold almost any number."""

_FAMILIES = (
    {"smallint", "integer", "int", "bigint", "tinyint", "mediumint", "int2", "int4", "int8"},
    {"numeric", "decimal", "real", "double precision", "double", "float"},
    {"text", "character varying", "varchar", "character", "char", "tinytext", "mediumtext", "longtext", "clob"},
    {"date", "timestamp", "timestamp without time zone", "timestamp with time zone", "datetime"},
    {"bytea", "blob", "binary", "varbinary", "longblob", "mediumblob"},
)


def names_alike(before: str, after: str) -> float:
    """Return how alike two names are by their letters, or by their words where those agree better (``mail`` and ``mail_address``)."""
    old, new = before[:_NAME_LENGTH].lower(), after[:_NAME_LENGTH].lower()
    if before == after:
        return 1.0
    letters = SequenceMatcher(None, old, new, autojunk=False).ratio()
    old_words, new_words = set(re.findall(r"[^\W_]+", old)), set(re.findall(r"[^\W_]+", new))
    fewer = min(len(old_words), len(new_words))
    words = 0.8 * len(old_words & new_words) / fewer if fewer else 0.0
    return max(letters, words)


def types_alike(before: Column, after: Column) -> float:
    """Return 1 for equal types, less where only the length, or only the family, is the same."""
    if before.data_type == after.data_type:
        return 1.0
    old, new = _base(before.data_type), _base(after.data_type)
    if old == new:
        return 0.8
    return 0.5 if any(old in family and new in family for family in _FAMILIES) else 0.0


def _base(data_type: str) -> str:
    return re.sub(r"\s*\([^)]*\)", "", data_type).removesuffix(" unsigned").strip().lower()


def columns_alike(before: Sequence[Column], after: Sequence[Column]) -> float:
    """Return the share of columns with the same name that two tables have in common; one of another type counts half."""
    old, new = {column.name: column.data_type for column in before}, {column.name: column.data_type for column in after}
    shared = sum(1.0 if old[name] == new[name] else 0.5 for name in old.keys() & new.keys())
    return shared / max(len(old.keys() | new.keys()), 1)


def overlap(before: Set[str], after: Set[str]) -> float:
    """Return the share of what either has that both have."""
    return len(before & after) / max(len(before | after), 1)


class Measurement(NamedTuple):
    """What was measured, between which bounds the truth lies, and how certain that makes it: 1 where there is no error, 0 where the bounds
    hold anything."""

    value: Any
    low: Any
    high: Any
    certainty: float = 1.0


def exactly(value: Any) -> Measurement:
    """Return a measurement without error."""
    return Measurement(value, value, value)


def count_between(value: int, low: int, high: int) -> Measurement:
    """Return an estimated count; it is as certain as the lower bound is a share of the upper."""
    return Measurement(value, low, high, low / high if high else 1.0)


def share_within(value: float, margin: float) -> Measurement:
    """Return a share of a sample; it is as certain as its interval is narrow."""
    low, high = max(0.0, value - margin), min(1.0, value + margin)
    return Measurement(value, low, high, 1.0 - (high - low))


def measured_alike(pairs: Iterable[tuple[Measurement, Measurement]]) -> float | None:
    """Return the mean likeness of measurements, each weighed by its certainty; ``None`` where nothing certain was measured.

    Bounds that overlap are alike; else of numbers the smaller nearest bound as a share of the larger, of others none.
    """
    alike = [(_ratio(before, after), before.certainty * after.certainty) for before, after in pairs]
    total = sum(weight for _, weight in alike)
    return sum(ratio * weight for ratio, weight in alike) / total if total >= FEWEST_CERTAIN else None


def _ratio(before: Measurement, after: Measurement) -> float:
    if before.value == after.value:
        return 1.0
    if not all(isinstance(bound, (int, float)) for bound in (*before[1:3], *after[1:3])):
        return 0.0
    if before.low <= after.high and after.low <= before.high:
        return 1.0
    low, high = min(before.high, after.high), max(before.low, after.low)
    return min(abs(low), abs(high)) / max(abs(low), abs(high)) if low * high > 0 else 0.0
