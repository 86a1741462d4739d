"""How alike two things are, from 0 to 1: names, types, lists of columns, measurements. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from difflib import SequenceMatcher
from typing import Any

from factbook_sdk.facts.kinds.schema_snapshot import Column

_NAME_LENGTH = 64
"""Letters compared of a name: comparing costs their square."""

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


def measured_alike(pairs: Iterable[tuple[Any, Any]]) -> float:
    """Return the mean likeness of measurements: of numbers the smaller as a share of the larger, of others whether they are equal."""
    alike = [_ratio(before, after) for before, after in pairs]
    return sum(alike) / len(alike) if alike else 0.0


def _ratio(before: Any, after: Any) -> float:
    if before == after:
        return 1.0
    if isinstance(before, (int, float)) and isinstance(after, (int, float)) and before * after > 0:
        return min(abs(before), abs(after)) / max(abs(before), abs(after))
    return 0.0
