"""Propose which removed and which added column of a table are one under two names. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from factbook.diff.evidence import Pair, equal, one_to_one, overlapping, sign_of, weighed
from factbook.diff.likeness import Measurement, count_between, exactly, measured_alike, names_alike, share_within, types_alike
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.catalog_diff import Rename, Sign
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Origin, StatisticsSnapshot

COLUMN_WEIGHTS = {
    "type": 0.25,
    "position": 0.25,
    "name": 0.2,
    "statistics": 0.2,
    "keys": 0.15,
    "default": 0.1,
    "comment": 0.1,
    "generation": 0.1,
    "nullable": 0.05,
}
"""Renaming in place keeps a column's position, dropping and adding rarely does: beside the type that says most."""

MAX_PAIRS = 10_000
"""Columns removed times columns added, per table. Beyond it only pairs in the same place are looked at."""


def propose_columns(
    table: TableName,
    before: SchemaSnapshot,
    after: SchemaSnapshot,
    measured_before: StatisticsSnapshot | None,
    measured_after: StatisticsSnapshot | None,
) -> list[Rename]:
    """Return the proposals for one table, the surest first."""
    gone = _only_in(before, after)
    come = _only_in(after, before)
    if not gone or not come:
        return []
    old_places, new_places = _places(before, come.keys() | gone.keys()), _places(after, come.keys() | gone.keys())
    old_keys, new_keys = _keys_by_column(before), _keys_by_column(after)
    old_measured, new_measured = _measured(measured_before), _measured(measured_after)
    is_many = len(gone) * len(come) > MAX_PAIRS
    kinds = (measured_before.origin if measured_before else "exact", measured_after.origin if measured_after else "exact")
    pairs: list[Pair] = []
    for old_name, old in gone.items():
        for new_name, new in come.items():
            if is_many and old_places[old_name] != new_places[new_name]:
                continue
            signs = [
                sign_of("type", types_alike(old, new), old.data_type, new.data_type),
                sign_of("position", _places_alike(old_places[old_name], new_places[new_name]), old.position, new.position),
                sign_of("name", names_alike(old_name, new_name), old_name, new_name),
                sign_of("nullable", float(old.nullable == new.nullable), old.nullable, new.nullable),
                equal("default", old.default, new.default),
                equal("comment", old.comment, new.comment),
                equal("generation", _generation(old), _generation(new)),
                overlapping("keys", old_keys.get(old_name, set()), new_keys.get(new_name, set())),
                _statistics(old_measured.get(old_name), new_measured.get(new_name), kinds),
            ]
            pairs.append(weighed(old_name, new_name, signs, COLUMN_WEIGHTS))
    return [
        Rename("column", table.schema, pair.before, pair.after, pair.score, table.table, None, pair.evidence, is_ambiguous)
        for pair, is_ambiguous in one_to_one(pairs)
    ]


def _statistics(before: ColumnStatistics | None, after: ColumnStatistics | None, origins: tuple[Origin, Origin]) -> Sign | None:
    """Return how alike what was measured is; what was sampled or estimated counts by its stated error, and not at all without one."""
    if before is None or after is None:
        return None
    old_figures, new_figures = _figures(before, origins[0]), _figures(after, origins[1])
    seen = {name: (old_figures[name], new_figures[name]) for name in old_figures if name in new_figures}
    if "null_count" in seen:
        seen.pop("null_share", None)
    alike = measured_alike(seen.values())
    if alike is None:
        return None
    # Values of the data speak for a rename and stay where they were measured: who may see a diff need not be allowed to see them.
    old, new = ({name: pair[side].value for name, pair in seen.items() if name not in ("minimum", "maximum")} for side in (0, 1))
    return sign_of("statistics", alike, old, new)


def _figures(column: ColumnStatistics, of_table: Origin) -> dict[str, Measurement]:
    """Return the figures of a column that can be held against those of another one."""
    origin = column.origin or of_table
    found: dict[str, Measurement] = {}
    if origin == "exact":
        names = ("null_count", "minimum", "maximum", "mean_length")
        found = {name: exactly(value) for name in names if (value := getattr(column, name)) is not None}
    share, margin = column.null_share, 0.0 if origin == "exact" else column.null_share_margin
    if share is not None and margin is not None:
        found["null_share"] = share_within(share, margin)
    if column.distinct_count is not None:
        if (column.distribution_origin or origin) == "exact" and not column.distinct_is_estimate:
            found["distinct_count"] = exactly(column.distinct_count)
        elif column.distinct_low is not None and column.distinct_high is not None:
            found["distinct_count"] = count_between(column.distinct_count, column.distinct_low, column.distinct_high)
    return found


def _only_in(one: SchemaSnapshot, other: SchemaSnapshot) -> dict[str, Column]:
    names = {column.name for column in other.columns}
    return {column.name: column for column in one.columns if column.name not in names}


class _Place(NamedTuple):
    """Where a column stands: between which two that stayed, and as which of those between them."""

    behind: str | None
    between: int
    ahead: str | None = None


def _places(snapshot: SchemaSnapshot, leaving_out: Iterable[str]) -> dict[str, _Place]:
    """Return where the columns stand that are left out, among those that stayed."""
    left_out = set(leaving_out)
    places: dict[str, _Place] = {}
    waiting: list[str] = []
    behind: str | None = None
    for column in sorted(snapshot.columns, key=lambda column: column.position):
        if column.name in left_out:
            places[column.name] = _Place(behind, len(waiting))
            waiting.append(column.name)
        else:
            places.update({name: places[name]._replace(ahead=column.name) for name in waiting})
            behind, waiting = column.name, []
    return places


def _places_alike(before: _Place, after: _Place) -> float:
    if before == after:
        return 1.0
    is_beside = (before.behind is not None and before.behind == after.behind) or (before.ahead is not None and before.ahead == after.ahead)
    return 0.7 if is_beside else 0.0


def _generation(column: Column) -> str | None:
    said = [part for part in (column.identity, column.generated, column.generation_expression) if part]
    return " ".join(said) or None


def _keys_by_column(snapshot: SchemaSnapshot) -> dict[str, set[str]]:
    """Return in which keys and indexes each column stands, said so that the column's own name is left out."""
    found: dict[str, set[str]] = {}
    for constraint in snapshot.constraints:
        leads_to = f" to {constraint.references.table}" if constraint.references else ""
        for place, column in enumerate(constraint.columns, 1):
            found.setdefault(column, set()).add(f"{constraint.type}{leads_to} {place}/{len(constraint.columns)}")
    for index in snapshot.indexes:
        for place, part in enumerate(index.parts, 1):
            if part.column is not None:
                found.setdefault(part.column, set()).add(f"index {index.name} {place}/{len(index.parts)}")
    return found


def _measured(statistics: StatisticsSnapshot | None) -> dict[str, ColumnStatistics]:
    return {} if statistics is None else {column.name: column for column in statistics.columns}
