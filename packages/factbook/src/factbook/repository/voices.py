"""What people and machines say of tables: the ``annotation`` facts of all authors, folded into statements with their origins.

The facts are read from the first to the last, because since when somebody says something is told by the record in which it stands first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note, Rejection
from factbook_sdk.facts.precedence import Voice, by_precedence, says_something, value_key, without_rejected
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord, Targets

KIND = "annotation"
_PAGE = MAX_LIMIT // 10
_TICK = timedelta(microseconds=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_Statement = tuple[str | None, str, str | None, bytes | str, str | None]


class Judged(NamedTuple):
    """A rejection with the person who made it."""

    author: str
    rejection: Rejection


class Said(msgspec.Struct, frozen=True):
    """What is said of one target: ``voices`` by precedence, rejected ones left out; ``everything`` holds those as well.

    ``versions`` names for each author the record in force.
    """

    voices: list[Voice] = []
    everything: list[Voice] = []
    rejections: list[Judged] = []
    versions: dict[str, str] = {}

    @property
    def notes(self) -> list[tuple[str, Note]]:
        """Return (author, note), the most trusted first."""
        return [(voice.author, voice.note) for voice in self.voices]

    def by_column(self) -> dict[str | None, Said]:
        """Return the same parted by column, what is said of the thing itself under ``None``; each part names all versions."""
        parts: dict[str | None, Said] = {None: Said(versions=self.versions)}

        def part(column: str | None) -> Said:
            return parts.setdefault(column, Said(versions=self.versions))

        for voice in self.voices:
            part(voice.note.column).voices.append(voice)
        for voice in self.everything:
            part(voice.note.column).everything.append(voice)
        for judged in self.rejections:
            part(judged.rejection.column).rejections.append(judged)
        return parts

    def unjudged(self) -> list[Voice]:
        """Return the suggestions that no person says as well or has rejected, of equal ones the most trusted."""
        agreed = {_statement_of(voice.note) for voice in self.voices if voice.author_type == "person"}
        found: dict[tuple[Any, ...], Voice] = {}
        for voice in self.voices:
            statement = _statement_of(voice.note)
            if voice.is_suggestion and statement not in agreed and says_something(voice.note.value):
                found.setdefault(statement, voice)
        return list(found.values())

    @property
    def annotations(self) -> list[Annotation]:
        """Return what each author says, rejected or not: a rejected classification hides values all the same."""
        by_author: dict[str, list[Voice]] = {}
        for voice in self.everything:
            by_author.setdefault(voice.author, []).append(voice)
        said = ((voices[0].author_type, [voice.note for voice in voices]) for voices in by_author.values())
        return [Annotation(author_type, notes) for author_type, notes in said if author_type != "scanner"]


class _Stream:
    """One author on one target, record by record."""

    def __init__(self) -> None:
        self.said: Annotation | None = None
        self.record_id = ""
        self._since: dict[_Statement, tuple[datetime, str]] = {}

    def take(self, item: StoredRecord) -> None:
        payload = item.record.payload
        self.said = None if payload is None else msgspec.convert(payload, Annotation)
        self.record_id = item.id
        now = item.record.produced_at, item.id
        statements = map(_statement, self.said.notes if self.said else ())
        self._since = {statement: self._since.get(statement, now) for statement in statements}

    def voices(self, author: str) -> Iterator[Voice]:
        for note in self.said.notes if self.said else ():
            said_at, record_id = self._since[_statement(note)]
            yield Voice(author, self.said.author_type if self.said else "rule", note, said_at, record_id)


def said_of(
    repository: MetadataRepository, targets: Targets, *, tenant: str, as_of: datetime | None = None
) -> Mapping[MetadataTarget, Said]:
    """Return what is said of targets, now or as of a moment; those of which nobody says anything are absent.

    It keeps all of it in memory: ask for some hundred tables at a time.
    """
    streams: dict[MetadataTarget, dict[str, _Stream]] = {}
    for item in _records(repository, targets, tenant, as_of):
        if not item.record.target.extras:
            streams.setdefault(item.record.target, {}).setdefault(item.record.producer_id, _Stream()).take(item)
    found = ((target, _said(authors)) for target, authors in streams.items())
    return {target: said for target, said in found if said.versions}


def _said(authors: Mapping[str, _Stream]) -> Said:
    in_force = {author: stream for author, stream in sorted(authors.items()) if stream.said is not None}
    everything = by_precedence(voice for author, stream in in_force.items() for voice in stream.voices(author))
    judged = [
        Judged(author, rejection)
        for author, stream in in_force.items()
        if stream.said is not None and stream.said.author_type == "person"
        for rejection in stream.said.rejections
    ]
    versions = {author: stream.record_id for author, stream in in_force.items()}
    return Said(without_rejected(everything, [item.rejection for item in judged]), everything, judged, versions)


def _records(repository: MetadataRepository, targets: Targets, tenant: str, as_of: datetime | None) -> Iterator[StoredRecord]:
    # A query ends before its bound, and what was said at that very moment counts.
    until = None if as_of is None or as_of == _END_OF_TIME else as_of + _TICK
    cursor: str | None = None
    while True:
        page = repository.query(KIND, targets=targets, tenant=tenant, until=until, limit=_PAGE, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def _statement_of(note: Note) -> tuple[Any, ...]:
    return note.column, note.property, note.name if note.property == "custom" else None, value_key(note.value)


def _statement(note: Note) -> _Statement:
    # Who gives a new reason has looked at it again. A year of notes asks for this very often, and most values are texts.
    value = note.value.strip() if isinstance(note.value, str) else value_key(note.value)
    return note.column, note.property, note.name, value, note.reason
