"""Bring a file of notes into the log and write one from it. What a file does not name stays, unless it is to be taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from factbook.documents import Mistake
from factbook.errors import InvalidRequest, NotFound
from factbook.knowledge.finding import declaring_kind, is_there
from factbook.knowledge.note_files import NoteFile, columns_of, format_notes, read_notes, refusal
from factbook.knowledge.places import Place
from factbook.knowledge.searching import NoteSearch
from factbook.knowledge.under_lock import editing
from factbook.knowledge.writing import annotation_in, write
from factbook.repository.sql import SqlRepository
from factbook.repository.voices import KIND
from factbook_sdk.facts.kinds.annotation import Annotation, Note, Rejection
from factbook_sdk.facts.precedence import UNITED, value_key

_TARGETS = 250


class NoteDifference(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an import changes of one statement. A rejection is told as such by ``rejected``."""

    action: Literal["add", "change", "remove"]
    place: str
    property: str
    name: str | None = None
    before: Any = None
    after: Any = None
    rejected: bool = False


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import changed, or with ``dry_run`` would change."""

    source_id: str
    author: str
    dry_run: bool
    changes: list[NoteDifference]
    counts: dict[str, int]


class NoteFiles:
    """Files of notes of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def export(self, source_id: str, author: str) -> str:
        """Return what an author says of a source, as YAML; raises :class:`NotFound` where that is nothing, naming who says something."""
        said = self._said(source_id, author)
        if not said:
            authors = self._authors(source_id)
            raise NotFound(
                f"{author} says nothing of {source_id}",
                why=f"these do: {', '.join(authors)}" if authors else "nobody does",
                fix="Name another --author" if authors else "factbook notes set says something",
                field="author",
            )
        return format_notes(source_id, author, said)

    def bring(self, text: str, name: str, *, author: str, dry_run: bool = False, prune: bool = False) -> ImportReport:
        """Let the author of a file say what stands in it of the places it names; with ``prune`` nothing of any other place of the source.

        The same file again changes nothing. Raises :class:`InvalidRequest` naming each mistake and each unknown table and column by line.
        """
        file = read_notes(text, name, author=author)
        self._check_there(file, name)
        wanted = dict(file.annotations)
        if prune:
            nothing = Annotation(next(iter(wanted.values())).author_type) if wanted else annotation_in(None, file.author)
            wanted = dict.fromkeys(self._said(file.source_id, file.author), nothing) | wanted
        changes: list[NoteDifference] = []
        with editing(self._repository, self._tenant) as edit:
            before = edit.all_current([place.target for place in wanted], KIND, file.author)
            for place, after in sorted(wanted.items(), key=lambda item: str(item[0])):
                found = before.get(place.target)
                said = annotation_in(found, file.author)
                differences = list(differences_of(place, said, after))
                changes += differences
                if differences and not dry_run:
                    write(edit, place, file.author, found, after)
        counts = Counter(change.action for change in changes)
        return ImportReport(
            source_id=file.source_id,
            author=file.author,
            dry_run=dry_run,
            changes=changes,
            counts={action: counts[action] for action in ("add", "change", "remove")},
        )

    def _said(self, source_id: str, author: str) -> dict[Place, Annotation]:
        targets = NoteSearch(self._repository, tenant=self._tenant).targets(source_id)
        found: dict[Place, Annotation] = {}
        for start in range(0, len(targets), _TARGETS):
            batch = targets[start : start + _TARGETS]
            for target, item in self._repository.latest_many(batch, KIND, producer_id=author, tenant=self._tenant).items():
                if item.record.payload is not None:
                    found[Place(target.source_id, target.schema, target.table)] = msgspec.convert(item.record.payload, Annotation)
        return found

    def _authors(self, source_id: str) -> list[str]:
        return NoteSearch(self._repository, tenant=self._tenant).authors(source_id, limit=20)

    def _check_there(self, file: NoteFile, name: str) -> None:
        """Refuse a file that says something of what is not there; it may still take back what was said of it."""
        unknown = [Mistake(file.lines[place], str(place), "there is no such place in the log") for place in self._unknown(file)]
        if unknown:
            raise refusal(name, sorted(unknown))

    def _unknown(self, file: NoteFile) -> Iterator[Place]:
        tables = [place.target for place in file.annotations if place.table is not None]
        kind = declaring_kind(file.source_id) or "schema_snapshot"
        for place, said in file.annotations.items():
            if place.table is None and (said.notes or said.rejections) and not is_there(self._repository, place, tenant=self._tenant):
                yield place
        for start in range(0, len(tables), _TARGETS):
            batch = tables[start : start + _TARGETS]
            found = self._repository.latest_many(batch, kind, tenant=self._tenant)
            for target in batch:
                place = Place(target.source_id, target.schema, target.table)
                item = found.get(target)
                yield from _missing(
                    place, file.annotations[place], item.record.payload if item else None, has_columns=kind == "schema_snapshot"
                )


def differences_of(place: Place, before: Annotation, after: Annotation) -> Iterator[NoteDifference]:
    """Yield what differs between what an author said of a target and says now."""
    old, new = _statements(before), _statements(after)
    for key in sorted(old.keys() | new.keys(), key=repr):
        was, now = old.get(key), new.get(key)
        said = now or was
        if said is None or was == now:
            continue
        yield NoteDifference(
            "add" if was is None else "remove" if now is None else "change",
            str(Place(place.source_id, place.schema, place.table, said.column)),
            said.property,
            said.name,
            None if was is None else was.value,
            None if now is None else now.value,
            isinstance(said, Rejection),
        )


def _statements(said: Annotation) -> dict[tuple[Any, ...], Note | Rejection]:
    found: dict[tuple[Any, ...], Note | Rejection] = {}
    for note in said.notes:
        is_single = note.property not in UNITED
        found[
            "note",
            note.column,
            note.property,
            note.name if note.property == "custom" else None,
            None if is_single else value_key(note.value),
        ] = note
    for item in said.rejections:
        found["rejection", item.column, item.property, item.name, value_key(item.value), item.author] = item
    return found


def _missing(place: Place, said: Annotation, payload: Mapping[str, Any] | None, *, has_columns: bool) -> Iterator[Place]:
    if not said.notes and not said.rejections:
        return
    if payload is None:
        yield place
    elif has_columns:
        columns = {column["name"] for column in payload["columns"]}
        yield from (Place(place.source_id, place.schema, place.table, column) for column in columns_of(said) if column not in columns)


def read_file_text(content: bytes, name: str) -> str:
    """Return a file's text; raises :class:`InvalidRequest` for what is no UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is no text in UTF-8", fix="Save it as UTF-8", field="file") from error
