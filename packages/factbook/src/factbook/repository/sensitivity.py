"""Which columns of a table are sensitive: those that somebody calls so, and those that hold the values of one that is.

A column holds the values of another where ``lineage`` in force says so by a direct edge, where its table is a partition of the other one's,
and where it may be the other one under a new name: it appeared in the same change of structure in which the other one went. A person who
classifies such a column as anything else settles it: then it is not sensitive, nor is what is made from it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Sensitive, sensitive_columns
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord, Targets

MAX_STEPS = 20
"""Tables in a row that lineage is followed through. What is made from columns further up is called sensitive: nobody looked there."""
MAX_VERSIONS = 1_000
"""Structures of one table that are looked through for a column that went."""
_TABLES = 250
_PAGE = 1_000
_TICK = timedelta(microseconds=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_Place = tuple[MetadataTarget, str | None]
"""A column; with ``None`` the whole of its table."""
Struct = TypeVar("Struct", bound=msgspec.Struct)


class Told(msgspec.Struct, frozen=True):
    """What is in force on one table: its structure, what each author says, and where each producer says that it comes from."""

    snapshot: SchemaSnapshot | None = None
    annotations: Sequence[Annotation] = ()
    lineage: Sequence[Lineage] = ()


def sensitive_of(
    repository: MetadataRepository,
    targets: Iterable[MetadataTarget],
    *,
    tenant: str,
    as_of: datetime | None = None,
    known: Mapping[MetadataTarget, Told] | None = None,
) -> dict[MetadataTarget, Sensitive]:
    """Return what is sensitive in each of these tables, now or as of a moment; what is ``known`` of tables is not read again.

    Columns that are sensitive because of another one say so in ``because``.
    """
    wanted = list(dict.fromkeys(targets))
    reader = _Reader(repository, tenant, as_of)
    found = _Found()
    level, steps = wanted, 0
    while level and steps <= MAX_STEPS:
        told = {target: known[target] for target in level if known is not None and target in known}
        told |= reader.told([target for target in level if target not in told])
        for target in level:
            found.add(target, told[target], reader)
        level, steps = found.unread(), steps + 1
    found.spread(level)
    sensitive = found.sensitive()
    return {target: sensitive.get(target, Sensitive()) for target in wanted}


def reasons_of(
    repository: MetadataRepository, target: MetadataTarget, columns: Iterable[str], sensitive: Sensitive, *, tenant: str
) -> dict[str, str]:
    """Return why those columns of a table are sensitive that are now, by what :func:`sensitive_of` found: who says so, or whose values
    they hold."""
    callers: defaultdict[str | None, list[str]] = defaultdict(list)
    for author, annotation in _Reader(repository, tenant, None).by_author(target).items():
        for note in annotation.notes:
            if sensitive_columns([note]):
                callers[note.column].append(f"{author} says {note.value}")
    found = {}
    for column in columns:
        if sensitive.covers(column):
            said = callers[column] or [f"{caller} of the whole table" for caller in callers[None]]
            found[column] = sensitive.because.get(column) or "; ".join(said) or "its table holds values of one that is sensitive"
    return found


class _Found:
    """What was found out so far: columns that are sensitive, with the reason, and the columns that hold their values."""

    def __init__(self) -> None:
        self._because: dict[_Place, str] = {}
        self._settled: set[_Place] = set()
        self._takers: defaultdict[_Place, list[_Place]] = defaultdict(list)
        self._read: set[MetadataTarget] = set()
        self._givers: dict[MetadataTarget, None] = {}

    def add(self, target: MetadataTarget, told: Told, reader: _Reader) -> None:
        """Take in what is told of a table."""
        self._read.add(target)
        said = sensitive_columns(note for spoken in told.annotations for note in spoken.notes)
        self._settled |= {
            (target, note.column)
            for spoken in told.annotations
            for note in spoken.notes
            if spoken.author_type == "person" and note.property == "classification" and note.column and not said.covers(note.column)
        }
        for column in (*sorted(said.columns), *([None] if said.whole_table else [])):
            self._because[target, column] = ""
        for giver, taker in _edges(target, told):
            self._takers[giver].append(taker)
            self._givers[giver[0]] = None
        if told.snapshot is not None:
            there = {column.name for column in told.snapshot.columns}
            for column, gone in reader.renamed(target, there, said.columns - there).items():
                if (target, column) not in self._settled:
                    self._because.setdefault((target, column), f"it appeared when the sensitive column {gone} went")

    def unread(self) -> list[MetadataTarget]:
        """Return the tables that others come from and of which nothing was read yet, each once."""
        unread = [target for target in self._givers if target not in self._read]
        self._givers = {}
        return unread

    def spread(self, unread: Sequence[MetadataTarget]) -> None:
        """Call sensitive what holds values of what is sensitive, or of tables that were not looked at."""
        far = set(unread)
        for place in [place for place in self._takers if place[0] in far]:
            self._because[place] = "its lineage is longer than is followed"
        for target, column in [place for place in self._takers if place[1] is not None]:
            if (target, None) in self._because and (target, column) not in self._settled:
                self._because.setdefault((target, column), "")
        passed_on = {place: why for place, why in self._because.items() if place[0] in far}
        waiting = deque(self._because)
        while waiting:
            giver = waiting.popleft()
            for taker in self._takers.get(giver, ()):
                if taker not in self._because and taker not in self._settled:
                    self._because[taker] = passed_on[taker] = passed_on.get(giver, f"it holds values of {_title(giver)}")
                    waiting.append(taker)

    def sensitive(self) -> dict[MetadataTarget, Sensitive]:
        """Return what is sensitive in each table in which anything is."""
        tables: defaultdict[MetadataTarget, dict[str | None, str]] = defaultdict(dict)
        for (target, column), why in self._because.items():
            tables[target][column] = why
        return {target: _sensitive(own) for target, own in tables.items()}


def _sensitive(own: Mapping[str | None, str]) -> Sensitive:
    columns = sorted(column for column in own if column is not None)
    return Sensitive(frozenset(columns), None in own, {column: own[column] for column in columns if own[column]})


def _edges(target: MetadataTarget, told: Told) -> Iterator[tuple[_Place, _Place]]:
    """Yield (the column that gives values, the column that takes them)."""
    for lineage in told.lineage:
        for read in lineage.inputs:
            giver = MetadataTarget(read.table.source_id, read.table.schema, read.table.table)
            yield from (((giver, edge.input), (target, edge.output)) for edge in read.columns if edge.type == "direct")
    if told.snapshot is not None and told.snapshot.partition_of is not None:
        part_of = told.snapshot.partition_of
        parent = MetadataTarget(target.source_id, part_of.schema or target.schema, part_of.table)
        yield (parent, None), (target, None)
        yield from (((parent, column.name), (target, column.name)) for column in told.snapshot.columns)


def _title(place: _Place) -> str:
    target, column = place
    return ".".join(part for part in (target.schema, target.table, column) if part)


class _Reader:
    """Reads what is in force on tables, some hundred at a time."""

    def __init__(self, repository: MetadataRepository, tenant: str, as_of: datetime | None) -> None:
        self._repository = repository
        self._tenant = tenant
        self._as_of = as_of
        self._until = None if as_of is None or as_of == _END_OF_TIME else as_of + _TICK

    def told(self, targets: Sequence[MetadataTarget]) -> dict[MetadataTarget, Told]:
        """Return what is in force on each of these tables."""
        found: dict[MetadataTarget, Told] = {}
        for start in range(0, len(targets), _TABLES):
            part = list(targets[start : start + _TABLES])
            snapshots = self._repository.latest_many(part, "schema_snapshot", tenant=self._tenant, as_of=self._as_of)
            annotations = self._in_force(part, "annotation", Annotation)
            lineage = self._in_force(part, "lineage", Lineage)
            for target in part:
                payload = snapshots[target].record.payload if target in snapshots else None
                snapshot = None if payload is None else msgspec.convert(payload, SchemaSnapshot)
                found[target] = Told(snapshot, annotations[target], lineage[target])
        return found

    def by_author(self, target: MetadataTarget) -> dict[str, Annotation]:
        """Return what each author says of a table."""
        last = {stored.record.producer_id: stored.record.payload for stored in self._query("annotation", [target])}
        return {author: msgspec.convert(payload, Annotation) for author, payload in last.items() if payload is not None}

    def _in_force(self, targets: list[MetadataTarget], kind: str, struct: type[Struct]) -> defaultdict[MetadataTarget, list[Struct]]:
        last: dict[tuple[MetadataTarget, str], StoredRecord] = {}
        for stored in self._query(kind, targets):
            last[stored.record.target, stored.record.producer_id] = stored
        found: defaultdict[MetadataTarget, list[Struct]] = defaultdict(list)
        for (target, _), stored in last.items():
            if stored.record.payload is not None:
                found[target].append(msgspec.convert(stored.record.payload, struct))
        return found

    def _query(self, kind: str, targets: Targets) -> Iterator[StoredRecord]:
        cursor: str | None = None
        while True:
            page = self._repository.query(kind, targets=targets, tenant=self._tenant, until=self._until, limit=_PAGE, cursor=cursor)
            yield from page.records
            cursor = page.next_cursor
            if cursor is None:
                return

    def renamed(self, target: MetadataTarget, there: set[str], gone: frozenset[str]) -> dict[str, str]:
        """Return the columns there are now that may be one of those that are gone, each with the one it may be.

        A column may be another one if it appeared in the change in which that one went; so may what followed it in the same way.
        """
        if not gone:
            return {}
        suspects = {column: column for column in gone}
        before: set[str] = set()
        for columns in self._versions(target, gone):
            went = [column for column in suspects if column in before and column not in columns]
            if went:
                suspects |= {column: suspects[went[0]] for column in columns - before if column not in suspects}
            before = columns
        return {column: origin for column, origin in suspects.items() if column in there}

    def _versions(self, target: MetadataTarget, gone: frozenset[str]) -> list[set[str]]:
        """Return the names of a table's columns in each structure it had, oldest first, from the one on that has all that is gone."""
        found: list[set[str]] = []
        missing, cursor = set(gone), None
        while missing and len(found) < MAX_VERSIONS:
            page = self._repository.query(
                "schema_snapshot", targets=[target], tenant=self._tenant, until=self._until, order="desc", limit=100, cursor=cursor
            )
            for stored in page.records:
                if stored.record.payload is not None and missing:
                    found.append({column["name"] for column in stored.record.payload["columns"]})
                    missing -= found[-1]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[::-1]
