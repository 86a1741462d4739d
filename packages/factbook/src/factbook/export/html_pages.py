"""What a table's page shows, ready for its template: every word and link decided here. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from markupsafe import Markup

from factbook.export.catalog import TableEntry
from factbook.export.changes import Changed
from factbook.export.html_drawing import Href, histogram, neighbourhood
from factbook.export.relations import Link, Place, Relations, mermaid
from factbook.export.saying import Said, descriptions, labels, value_text
from factbook_sdk.facts.kinds.schema_snapshot import Column, Index
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics

_MOMENT = re.compile(r"-?\d{4,}-\d\d-\d\d(?P<time>[ T]\d\d)?")
MAX_VALUES = 10
"""Values shown of those that are most frequent."""


class To(msgspec.Struct, frozen=True):
    """A table's name with the way to its page, if it has one."""

    label: str
    href: str | None


class ColumnRow(msgspec.Struct, frozen=True):
    """A row of the table of columns."""

    position: int
    name: str
    data_type: str
    nullable: bool
    roles: list[str]
    to: list[To]
    default: str
    descriptions: list[Said]
    labels: list[Said]


class Measured(msgspec.Struct, frozen=True):
    """What was measured of a column: facts in words, a share of nulls, bars and values."""

    name: str
    null_share: float | None
    facts: list[tuple[str, str]]
    bars: Markup
    values: list[tuple[str, int, float]]
    """Value, count, share of the most frequent."""


def view(entry: TableEntry, relations: Relations, changes: Sequence[Changed], href: Href) -> dict[str, Any]:
    """Return everything the template of a table's page takes."""
    place, snapshot = (entry.schema, entry.table), entry.snapshot
    columns = _columns(entry, relations, href)
    others = [item for item in snapshot.constraints if item.type not in ("foreign_key", "not_null")]
    return {
        "entry": entry,
        "snapshot": snapshot,
        "facts": _facts(entry),
        "descriptions": descriptions(entry),
        "labels": labels(entry),
        "columns": columns,
        "shows": {
            "keys": any(row.roles for row in columns),
            "defaults": any(row.default for row in columns),
            "words": any(row.descriptions or row.labels for row in columns),
        },
        "drawing": neighbourhood(place, relations, href),
        "mermaid": mermaid(place, relations),
        "outgoing": [_relation(link, link.other, place, href) for link in relations.outgoing(place)],
        "incoming": [_relation(link, link.place, place, href) for link in relations.incoming(place)],
        "constraints": others,
        "indexes": [(index, _parts(index)) for index in snapshot.indexes],
        "measured": [_measured(item, entry) for item in entry.statistics.columns] if entry.statistics else [],
        "changes": changes,
    }


def to(place: Place, seen_from: Place, href: Href) -> To:
    """Return a table's name as it is said in a schema, with the way there."""
    return To(place[1] if place[0] == seen_from[0] else f"{place[0]}.{place[1]}", href(place))


def _facts(entry: TableEntry) -> list[tuple[str, str]]:
    measured, seen = entry.statistics, entry.observation
    found = [("columns", f"{len(entry.snapshot.columns):,}")]
    if measured is not None and measured.row_count is not None:
        found.append(("rows" if measured.origin == "exact" else "rows, estimated", f"{measured.row_count:,}"))
    elif seen is not None and seen.row_estimate is not None:
        found.append(("rows, estimated", f"{seen.row_estimate:,}"))
    if seen is not None and seen.size_bytes is not None:
        found.append(("size", _size(seen.size_bytes)))
    if entry.snapshot.owner:
        found.append(("role that owns it", entry.snapshot.owner))
    return [*found, ("structure since", f"{entry.recorded_at:%Y-%m-%d}")]


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def _columns(entry: TableEntry, relations: Relations, href: Href) -> list[ColumnRow]:
    place = (entry.schema, entry.table)
    primary = {name for item in entry.snapshot.constraints if item.type == "primary_key" for name in item.columns}
    unique = {item.columns[0] for item in entry.snapshot.constraints if item.type == "unique" and len(item.columns) == 1}
    targets: dict[str, list[To]] = {}
    for link in relations.outgoing(place):
        for name in link.columns:
            targets.setdefault(name, []).append(to(link.other, place, href))

    def row(column: Column) -> ColumnRow:
        roles = [role for role, names in (("PK", primary), ("FK", targets), ("UQ", unique)) if column.name in names]
        return ColumnRow(
            position=column.position,
            name=column.name,
            data_type=column.data_type,
            nullable=column.nullable,
            roles=roles,
            to=list(dict.fromkeys(targets.get(column.name, []))),
            default=_default(column),
            descriptions=descriptions(entry, column.name),
            labels=labels(entry, column.name),
        )

    return [row(column) for column in entry.snapshot.columns]


def _default(column: Column) -> str:
    if column.generated:
        return f"{column.generated}: {column.generation_expression or ''}".strip()
    return column.identity or column.default or ""


def _relation(link: Link, other: Place, place: Place, href: Href) -> dict[str, Any]:
    actions = [f"on {when} {action.lower()}" for when, action in (("update", link.on_update), ("delete", link.on_delete)) if action]
    return {"to": to(other, place, href), "link": link, "actions": ", ".join(actions)}


def _parts(index: Index) -> str:
    return ", ".join((part.column or part.expression or "") + (" descending" if part.descending else "") for part in index.parts)


def _measured(item: ColumnStatistics, entry: TableEntry) -> Measured:
    rows = entry.statistics.row_count if entry.statistics is not None else None
    about = "≈ " if item.distinct_is_estimate else ""
    numbers = (
        ("distinct", None if item.distinct_count is None else f"{about}{item.distinct_count:,}"),
        ("nulls", None if item.null_count is None else f"{item.null_count:,}"),
        ("minimum", None if item.minimum is None else value_text(item.minimum)),
        ("maximum", None if item.maximum is None else value_text(item.maximum)),
        ("mean", None if item.mean is None else f"{item.mean:,.6g}"),
        ("deviation", None if item.deviation is None else f"{item.deviation:,.6g}"),
        ("longest", None if item.maximum_length is None else f"{item.maximum_length:,} characters"),
        *((f"{quantile.share:.0%} below", value_text(quantile.value)) for quantile in item.quantiles[:5]),
    )
    most = max((found.count for found in item.frequent), default=1) or 1
    return Measured(
        name=item.name,
        null_share=item.null_count / rows if rows and item.null_count is not None else None,
        facts=[(name, said) for name, said in numbers if said is not None],
        bars=histogram(item.histogram, item.name, _bound_of(item)),
        values=[
            ("null" if found.value is None else value_text(found.value), found.count, found.count / most)
            for found in item.frequent[:MAX_VALUES]
        ],
    )


def _bound_of(item: ColumnStatistics) -> Callable[[float], str]:
    """Return how a bound of the histogram is said: bins of moments are in seconds since 1970, and days or moments to people."""
    found = _MOMENT.match(str(item.minimum))
    if found is None:
        return value_text
    form = "%Y-%m-%d %H:%M:%S" if found["time"] else "%Y-%m-%d"

    def said(seconds: float) -> str:
        try:
            return f"{datetime.fromtimestamp(seconds, UTC):{form}}"
        except (OverflowError, ValueError, OSError):  # a year that calendars here do not reach
            return f"{seconds:.0f} s since 1970"

    return said
