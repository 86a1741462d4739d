"""Which columns hold what somebody called sensitive: they themselves, their table, a table it is a part of, or what they are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note, sensitive_columns
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord

_MAX_TABLES = 200
"""Tables that are looked at for one answer; of a column made from more nobody can tell, so that it counts as sensitive."""


class Sensitivity:
    """What one tenant's log says now. Each table is read once."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._notes: dict[MetadataTarget, list[Note]] = {}
        self._made_from: dict[MetadataTarget, dict[str, list[tuple[MetadataTarget, str]]]] = {}

    def covers(self, target: MetadataTarget, column: str) -> bool:
        """Return whether a column is sensitive, or its values come from one that is. Who classifies a column itself, as anything, has said
        what it is: then what it is made from counts no more."""
        seen: set[tuple[MetadataTarget, str]] = set()
        waiting = [(target, column)]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if place[0] not in self._notes and len(self._notes) >= _MAX_TABLES:
                return True
            notes = self.notes(place[0])
            if sensitive_columns(notes).covers(place[1]):
                return True
            if not any(note.property == "classification" and note.column == place[1] for note in notes):
                waiting += self._edges(place[0]).get(place[1], ())
        return False

    def notes(self, target: MetadataTarget) -> list[Note]:
        """Return what is said of a target, and of the tables it is a partition of: their rows are the same."""
        if target not in self._notes:
            said: list[Note] = []
            for place in (target, *self._parents(target)):
                for item in self._in_force(place, "annotation"):
                    said += msgspec.convert(item.record.payload, Annotation).notes
            self._notes[target] = said
        return self._notes[target]

    def _parents(self, target: MetadataTarget) -> list[MetadataTarget]:
        parents: list[MetadataTarget] = []
        place = target
        while place.table is not None and len(parents) < _MAX_TABLES:
            stored = self._repository.latest(place, "schema_snapshot", tenant=self._tenant)
            if stored is None or stored.record.payload is None:
                break
            parent = msgspec.convert(stored.record.payload, SchemaSnapshot).partition_of
            if parent is None:
                break
            place = MetadataTarget(place.source_id, parent.schema or place.schema, parent.table)
            if place in parents or place == target:
                break
            parents.append(place)
        return parents

    def _edges(self, target: MetadataTarget) -> dict[str, list[tuple[MetadataTarget, str]]]:
        """Return the columns that each column's values come from; what only decides which rows there are is not among them."""
        if target not in self._made_from:
            edges: dict[str, list[tuple[MetadataTarget, str]]] = {}
            for item in self._in_force(target, "lineage"):
                for read in msgspec.convert(item.record.payload, Lineage).inputs:
                    place = MetadataTarget(read.table.source_id, read.table.schema, read.table.table)
                    for edge in read.columns:
                        if edge.type == "direct":
                            edges.setdefault(edge.output, []).append((place, edge.input))
            self._made_from[target] = edges
        return self._made_from[target]

    def _in_force(self, target: MetadataTarget, kind: str) -> Sequence[StoredRecord]:
        return [item for item in self._last_of_each(target, kind) if item.record.payload is not None]

    def _last_of_each(self, target: MetadataTarget, kind: str) -> Iterator[StoredRecord]:
        """Yield the last record of each producer."""
        known: set[str] = set()
        cursor = None
        while True:
            page = self._repository.query(kind, targets=[target], tenant=self._tenant, order="desc", limit=MAX_LIMIT, cursor=cursor)
            for item in page.records:
                if item.record.producer_id not in known:
                    known.add(item.record.producer_id)
                    yield item
            cursor = page.next_cursor
            if cursor is None:
                return
