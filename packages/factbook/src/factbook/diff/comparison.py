"""The outcome of a comparison: every difference with its verdict, the worst first, and what can be said of all. Values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from factbook.diff.model import Aspect, Difference, ObjectType, Severity, Verdict
from factbook.diff.paths import split_path
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.catalog_diff import Rename, State, Tally, Unread

Judge = Callable[[Difference], Verdict]

SEVERITIES: tuple[Severity, ...] = ("breaking", "risky", "compatible", "cosmetic")
"""The worst first."""

_IN_TABLES: dict[ObjectType, str] = {"column": "columns", "constraint": "constraints", "index": "indexes"}


class Judged(NamedTuple):
    """A difference and what it does to others."""

    difference: Difference
    verdict: Verdict


class Wanted(msgspec.Struct, frozen=True):
    """What of a comparison is asked for. ``tables`` are patterns, ``table`` or ``schema.table``, with ``*`` and ``?``; empty means all."""

    tables: tuple[str, ...] = ()
    aspects: tuple[Aspect, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tables or self.aspects)

    def has(self, difference: Difference) -> bool:
        """Return whether a difference is among what is asked for."""
        if self.aspects and difference.aspect not in self.aspects:
            return False
        name = difference.name
        return not self.tables or (name is not None and any(_matches(name, pattern) for pattern in self.tables))


def _matches(name: TableName, pattern: str) -> bool:
    return fnmatchcase(name.table, pattern) or fnmatchcase(str(name), pattern)


EVERYTHING = Wanted()


class Comparison(msgspec.Struct, frozen=True):
    """What differs between two states of a source, or between it and something else. ``is_settled`` where nothing that was measured after
    its moments speaks for a rename, so that whoever compares again says the same."""

    source_id: str
    before: State
    after: State
    judged: list[Judged]
    summary: dict[ObjectType, Tally]
    renames: list[Rename]
    unread: list[Unread]
    is_settled: bool = False

    @property
    def counts(self) -> dict[Severity, int]:
        """Return how many differences there are of each severity, the worst first; none that is zero."""
        found = Counter(judged.verdict.severity for judged in self.judged)
        return {severity: found[severity] for severity in SEVERITIES if found[severity]}

    @property
    def is_between_sources(self) -> bool:
        """Return whether the sides are not one source at two moments."""
        return any(state.source_id or state.file for state in (self.before, self.after))


def judged_worst_first(differences: Iterable[Difference], judge: Judge) -> list[Judged]:
    """Judge each difference; the worst come first, those of one severity in the order given."""
    judged = [Judged(difference, judge(difference)) for difference in differences]
    return sorted(judged, key=lambda item: SEVERITIES.index(item.verdict.severity))


def summarise(differences: Sequence[Difference], *, schemas_unchanged: int | None, tables_unchanged: int | None) -> dict[ObjectType, Tally]:
    """Count objects by type. What is inside a table that came or went is not counted by itself: it came or went with the table."""
    objects: dict[ObjectType, dict[str, set[tuple[object, ...]]]] = {}
    snapshots = {}
    for item in differences:
        sort = "modified" if item.change == "changed" else item.change
        key = (item.schema, item.name, *_object_of(item))
        objects.setdefault(item.object, {}).setdefault(sort, set()).add(key)
        if item.name is not None and item.snapshot_before is not None and item.snapshot_after is not None:
            snapshots[item.name] = (item.snapshot_before, item.snapshot_after)
            objects.setdefault("table", {}).setdefault("modified", set()).add((item.schema, item.name))
    unchanged: dict[ObjectType, int | None] = {"schema": schemas_unchanged, "table": tables_unchanged}
    for kind, field in _IN_TABLES.items():
        tally = {sort: len(keys) for sort, keys in objects.get(kind, {}).items()}
        after = sum(len(getattr(pair[1], field)) for pair in snapshots.values())
        unchanged[kind] = max(after - tally.get("added", 0) - tally.get("modified", 0), 0) if snapshots else None
    order: tuple[ObjectType, ...] = ("schema", "table", "column", "constraint", "index", "partition")
    return {
        kind: Tally(unchanged=unchanged.get(kind), **{sort: len(keys) for sort, keys in objects.get(kind, {}).items()})
        for kind in order
        if kind in objects or unchanged.get(kind) is not None
    }


def _object_of(difference: Difference) -> tuple[str, ...]:
    """Return the name of what differs within its table: nothing for the table itself."""
    parts = split_path(difference.path)
    if difference.object in _IN_TABLES:
        return parts[:2]
    return parts[:3] if difference.object == "partition" else ()
