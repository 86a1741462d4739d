"""What machines suggest and nobody has judged: notes with a confidence, and labels that follow lineage downstream.

Nothing of it is applied by itself. Who accepts one makes a note of their own; who rejects one says so in a rejection.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.knowledge.downstream import Edges, Label, Reached
from factbook.knowledge.finding import is_there
from factbook.knowledge.model import OwnNotes
from factbook.knowledge.places import Place, parse_place
from factbook.knowledge.searching import NoteFilter, NoteSearch
from factbook.knowledge.writing import NoteWriting
from factbook.repository.sql import SqlRepository
from factbook.repository.voices import Said, said_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note, Property, Rejection
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.precedence import value_key
from factbook_sdk.repository.contract import MAX_LIMIT, StoredRecord, check_limit

READS = ("annotation", "data_product", "glossary_term", "lineage", "schema_snapshot")
LINEAGE = "rule:lineage"
"""The author of suggestions that follow lineage."""

MAX_FACTS = 50_000
MAX_LABELS = 10_000
MAX_SUGGESTIONS = 10_000
MAX_VISITS = 200_000
"""What is read and kept at most; an answer that met a bound says so."""
_TABLES = 250


class Suggestion(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a machine suggests of a place. ``path`` are the places a label came along, its own first; ``evidence`` is the record it
    rests on."""

    id: str
    place: str
    property: Property
    value: Any
    name: str | None = None
    confidence: float
    suggested_by: str
    reason: str | None = None
    path: list[str] = []
    evidence: str | None = None

    def to_note(self) -> Note:
        """Return the note of whoever accepts it."""
        column = parse_place(self.place).column
        return Note(self.property, self.value, column, self.name, None, None, self.suggested_by, self.evidence)


class SuggestionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which suggestions to show: of one source, or a table of it with its columns; of one author; of one sort (``origin``)."""

    source_id: str | None = None
    schema: str | None = None
    table: str | None = None
    author: str | None = None
    origin: Literal["lineage", "notes"] | None = None

    def fits(self, item: Suggestion) -> bool:
        place = parse_place(item.place)
        return (
            self.source_id in (None, place.source_id)
            and self.schema in (None, place.schema)
            and self.table in (None, place.table)
            and self.author in (None, item.suggested_by)
        )


class SuggestionPage(msgspec.Struct, frozen=True):
    """Suggestions, the most confident first. ``truncated``: there was more lineage, or there were more labels, than are read."""

    items: list[Suggestion]
    next_cursor: str | None
    truncated: bool = False


class FoundSuggestions(SuggestionPage, frozen=True, kw_only=True):
    """A page of those that were looked for, with how many of all that were read there are of each source and author."""

    by_source: dict[str, int]
    by_author: dict[str, int]


class Suggestions:
    """What machines suggest in one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._search = NoteSearch(repository, tenant=tenant)

    def page(
        self, source_id: str, *, limit: int = 100, cursor: str | None = None, origin: Literal["lineage", "notes"] | None = None
    ) -> SuggestionPage:
        """Return what is suggested of a source and waits to be judged; ``origin`` picks one sort. Raises :class:`NotFound`."""
        found = self.find(SuggestionFilter(source_id=source_id, origin=origin), limit=limit, cursor=cursor)
        return SuggestionPage(found.items, found.next_cursor, found.truncated)

    def find(self, wanted: SuggestionFilter, *, limit: int = 100, cursor: str | None = None) -> FoundSuggestions:
        """Return what is suggested anywhere and waits to be judged; raises :class:`NotFound` for a source that is named and not there."""
        check_limit(limit)
        after = _parse_cursor(cursor) if cursor is not None else None
        source_id = wanted.source_id
        if source_id is not None and not is_there(self._repository, Place(source_id), tenant=self._tenant):
            raise NotFound(f"Nothing is known of a source {source_id}", fix="Scan it first, or correct its name", field="source_id")
        found, truncated = self._all(source_id, wanted.origin)
        rest = [item for item in found if wanted.fits(item) and (after is None or _order(item) > after)]
        items = rest[:limit]
        return FoundSuggestions(
            items,
            msgspec.json.encode(_order(items[-1])).hex() if len(rest) > limit else None,
            truncated,
            by_source=_counted(parse_place(item.place).source_id for item in found),
            by_author=_counted(item.suggested_by for item in found),
        )

    def accept(self, source_id: str, suggestion_id: str, author: str, *, reason: str | None = None, value: Any = None) -> OwnNotes:
        """Make a suggestion the note of a person; it names whose suggestion it was. With another ``value`` the person says that instead,
        and rejects what was suggested. Raises :class:`NotFound`."""
        found = self.get(source_id, suggestion_id)
        place = parse_place(found.place)
        note = msgspec.structs.replace(found.to_note(), reason=reason or found.reason)
        is_other = value is not None and value_key(value) != value_key(note.value)
        instead_of = Rejection(found.property, found.value, place.column, found.name, None, reason) if is_other else None
        said = msgspec.structs.replace(note, value=value) if is_other else note
        return NoteWriting(self._repository, tenant=self._tenant).accept(place, author, said, instead_of=instead_of)

    def reject(self, source_id: str, suggestion_id: str, author: str, *, reason: str | None = None) -> OwnNotes:
        """Say that a suggestion is wrong, whichever machine makes it; it is not made again. Raises :class:`NotFound`."""
        found = self.get(source_id, suggestion_id)
        place = parse_place(found.place)
        rejection = Rejection(found.property, found.value, place.column, found.name, None, reason)
        return NoteWriting(self._repository, tenant=self._tenant).reject(place, author, rejection)

    def get(self, source_id: str, suggestion_id: str) -> Suggestion:
        """Return a suggestion that waits to be judged; raises :class:`NotFound`. Lineage is followed only if no note is meant."""
        of_either = (item for origin in ("notes", "lineage") for item in self._all(source_id, origin)[0])
        found = next((item for item in of_either if item.id == suggestion_id), None)
        if found is None:
            raise NotFound(
                f"There is no suggestion {suggestion_id!r} of {source_id}",
                why="it was judged, taken back, or never made",
                fix=f"factbook notes suggest {source_id} shows those there are",
                field="suggestion_id",
            )
        return found

    def _all(self, source_id: str | None, origin: str | None) -> tuple[list[Suggestion], bool]:
        found: dict[str, Suggestion] = {}
        truncated = False
        if origin in (None, "notes"):
            notes, truncated = self._noted(source_id)
            found |= {item.id: item for item in notes}
        if origin in (None, "lineage"):
            followed, more = self._followed(source_id)
            truncated = truncated or more
            for item in followed:
                found.setdefault(item.id, item)
        return sorted(found.values(), key=_order)[:MAX_SUGGESTIONS], truncated or len(found) > MAX_SUGGESTIONS

    def _noted(self, source_id: str | None) -> tuple[list[Suggestion], bool]:
        """Return the notes of machines with a confidence that no person has said as well, or rejected."""
        page = self._search.page(NoteFilter(source_id=source_id, suggested=True), limit=MAX_LIMIT)
        found = []
        for target, said in self._said({parse_place(item.place).target for item in page.items}).items():
            for voice in said.unjudged():
                note, place = voice.note, Place(target.source_id, target.schema, target.table, voice.note.column)
                found.append(
                    Suggestion(
                        id=_id(place, note.property, note.name, note.value),
                        place=str(place),
                        property=note.property,
                        value=note.value,
                        name=note.name,
                        confidence=note.confidence or 0.0,
                        suggested_by=voice.author,
                        reason=note.reason,
                        evidence=voice.record_id,
                    )
                )
        return found, page.next_cursor is not None

    def _followed(self, source_id: str | None) -> tuple[list[Suggestion], bool]:
        """Return the labels that reach places of the source and that nobody has said there, or rejected."""
        notes = self._search.labels(("tag", "classification"), limit=MAX_LABELS + 1)
        facts, more = self._lineage()
        edges = Edges(facts, budget=MAX_VISITS)
        alike: dict[tuple[str, bytes], list[Label]] = {}
        for note in notes[:MAX_LABELS]:
            if isinstance(note.value, str):
                label = Label(parse_place(note.place), note.property, note.value, note.author, _certainty(note.confidence), note.record_id)
                alike.setdefault((label.property, value_key(label.value)), []).append(label)
        found = [reached for labels in alike.values() for reached in edges.follow(labels) if source_id in (None, reached.place.source_id)]
        found = heapq.nsmallest(MAX_SUGGESTIONS, found, key=lambda reached: -reached.confidence)
        return list(self._unsaid(found)), more or len(notes) > MAX_LABELS or edges.is_exhausted

    def _unsaid(self, found: Sequence[Reached]) -> Iterator[Suggestion]:
        said = self._said({reached.place.target for reached in found})
        for reached in found:
            place, label = reached.place, reached.label
            known = said.get(place.target, Said())
            proposed = Note(label.property, label.value, place.column)
            whole = Note(label.property, label.value) if label.property == "classification" else proposed
            is_said = any(_is_same(voice.note, proposed) or _is_same(voice.note, whole) for voice in known.voices)
            if not is_said and not _is_rejected(known, proposed):
                yield _suggested(reached)

    def _said(self, targets: set[MetadataTarget]) -> dict[MetadataTarget, Said]:
        wanted = sorted(targets, key=str)
        found: dict[MetadataTarget, Said] = {}
        for start in range(0, len(wanted), _TABLES):
            found |= said_of(self._repository, wanted[start : start + _TABLES], tenant=self._tenant)
        return found

    def _lineage(self) -> tuple[list[tuple[MetadataTarget, Lineage]], bool]:
        """Return the lineage in force, of each target and producer the last, and whether more was there than is read."""
        last: dict[tuple[MetadataTarget, str], StoredRecord] = {}
        cursor: str | None = None
        read = 0
        while True:
            page = self._repository.query("lineage", tenant=self._tenant, order="desc", limit=MAX_LIMIT // 10, cursor=cursor)
            for item in page.records:
                last.setdefault((item.record.target, item.record.producer_id), item)
            read += len(page.records)
            cursor = page.next_cursor
            if cursor is None or read >= MAX_FACTS:
                break
        in_force = [item.record for item in last.values() if item.record.payload is not None]
        return [(record.target, msgspec.convert(record.payload, Lineage)) for record in in_force], cursor is not None


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _suggested(reached: Reached) -> Suggestion:
    label = reached.label
    return Suggestion(
        id=_id(reached.place, label.property, None, label.value),
        place=str(reached.place),
        property=label.property,
        value=label.value,
        confidence=round(reached.confidence, 4),
        suggested_by=LINEAGE,
        reason=f"{label.author} says so of {label.place}, {len(reached.path) - 1} step{'s' if len(reached.path) > 2 else ''} upstream",
        path=[str(place) for place in reached.path],
        evidence=label.record_id,
    )


def _id(place: Place, prop: str, name: str | None, value: object) -> str:
    text = msgspec.json.encode([str(place), prop, name if prop == "custom" else None]) + value_key(value)
    return blake2b(text, digest_size=8).hexdigest()


def _certainty(confidence: float | None) -> float:
    return 1.0 if confidence is None else confidence


def _is_same(note: Note, other: Note) -> bool:
    return (note.column, note.property, value_key(note.value)) == (other.column, other.property, value_key(other.value))


def _is_rejected(said: Said, note: Note) -> bool:
    return any(
        _is_same(Note(item.property, item.value, item.column), note) and item.author in (None, LINEAGE)
        for item in (judged.rejection for judged in said.rejections)
    )


def _order(item: Suggestion) -> tuple[float, str, str, str]:
    return -item.confidence, item.place, item.property, item.id


def _parse_cursor(cursor: str) -> tuple[float, str, str, str]:
    try:
        return msgspec.json.decode(bytes.fromhex(cursor), type=tuple[float, str, str, str])
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
