"""Which tables of a source are measured, and what of each column is read. Pure: facts in, plans out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from factbook.profile.model import ColumnPlan, Family, Reading
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

_HOLDS_ROWS = frozenset({"table", "partitioned_table", "materialized_view", "foreign_table", "virtual_table"})


def chosen(snapshots: Mapping[TableName, SchemaSnapshot], patterns: Sequence[str]) -> list[TableName]:
    """Return the tables meant, by name. Views and partitions of other tables are measured only where a pattern names them without ``*``."""
    return sorted(name for name, snapshot in snapshots.items() if _is_meant(name, snapshot, patterns))


def unmatched(names: Iterable[TableName], patterns: Sequence[str]) -> list[str]:
    """Return the patterns that mean no table at all."""
    known = list(names)
    return [pattern for pattern in patterns if not any(_matches(pattern, name) for name in known)]


def _is_meant(name: TableName, snapshot: SchemaSnapshot, patterns: Sequence[str]) -> bool:
    if snapshot.object_type not in _HOLDS_ROWS or snapshot.partition_of is not None:
        return any(pattern in (name.table, str(name)) for pattern in patterns)
    return not patterns or any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: TableName) -> bool:
    return fnmatchcase(name.table, pattern) or fnmatchcase(str(name), pattern)


def plans(
    name: TableName,
    snapshot: SchemaSnapshot,
    family_of: Callable[[Column], Family],
    *,
    sensitive: Sensitive = Sensitive(),  # noqa: B008 - frozen
    excluded: Sequence[str] = (),
) -> list[ColumnPlan]:
    """Return how each column is measured; columns that are left out are not in the list."""
    unique = {part.columns[0] for part in snapshot.constraints if part.type in ("primary_key", "unique") and len(part.columns) == 1}
    kept = [column for column in snapshot.columns if not _is_excluded(name, column.name, excluded)]
    return [
        _plan(
            f"c{place}", column, family_of(column), _why(sensitive, column.name), column.name in unique, _loose_collation(column, snapshot)
        )
        for place, column in enumerate(kept)
    ]


def _is_excluded(name: TableName, column: str, patterns: Sequence[str]) -> bool:
    forms = column, f"{name.table}.{column}", f"{name}.{column}"
    return any(fnmatchcase(form, pattern) for pattern in patterns for form in forms)


def _why(sensitive: Sensitive, column: str) -> str | None:
    """Return why only presence is read of a column, ``None`` where its values may be."""
    if not sensitive.covers(column):
        return None
    because = sensitive.because.get(column)
    return f"sensitive{f' ({because})' if because else ''}: only counted, its values were not read"


def _plan(key: str, column: Column, family: Family, sensitive: str | None, is_unique: bool, loose_collation: str | None) -> ColumnPlan:
    reading: Reading = "values"
    reason = None
    if sensitive is not None:
        reading, reason = "presence", sensitive
    elif family == "binary":
        reading, reason = "lengths", "binary: only lengths were read"
    return ColumnPlan(
        key=key,
        name=column.name,
        data_type=column.data_type,
        family=family,
        reading=reading,
        reason=reason,
        is_sensitive=sensitive is not None,
        is_unique=is_unique,
        length=column.length,
        precision=column.precision,
        scale=column.scale,
        loose_collation=loose_collation if family in ("text", "enum") else None,
    )


def _loose_collation(column: Column, snapshot: SchemaSnapshot) -> str | None:
    """Return a column's collation, or its table's, if it ignores case: MySQL's and MariaDB's ``…_ci``, SQLite's ``NOCASE``."""
    collation = column.collation or snapshot.options.get("collation")
    return collation if isinstance(collation, str) and re.search(r"_ci$|^nocase$", collation, re.IGNORECASE) else None
