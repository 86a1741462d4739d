"""Say something, take it back, judge what machines suggest: one state per author and target, changed under the log's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from factbook.errors import InvalidRequest
from factbook.knowledge.authors import author_type, check_person
from factbook.knowledge.editing import MAX_NOTES, NoteChange, NoteSet, is_replaced_by, settled
from factbook.knowledge.finding import check_there
from factbook.knowledge.model import NOTHING, OwnNotes
from factbook.knowledge.places import Place
from factbook.knowledge.under_lock import Editing, check_expected, editing, next_version, version_of
from factbook.repository.sql import SqlRepository
from factbook.repository.voices import KIND
from factbook_sdk.facts.kinds.annotation import Annotation, Note, Rejection
from factbook_sdk.repository.contract import StoredRecord

Change = Callable[[Annotation], Annotation]


class NoteWriting:
    """What authors of one tenant say."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def own(self, place: Place, author: str) -> OwnNotes:
        """Return what an author says of a place now."""
        found = self._repository.latest(place.target, KIND, producer_id=author, tenant=self._tenant)
        return _own(place, author, annotation_in(found, author), version_of(found))

    def replace(self, place: Place, author: str, wanted: NoteSet, *, expected: str | None = None) -> OwnNotes:
        """Let an author say these notes of a place and no others; raises :class:`PreconditionFailed`, :class:`NotFound`."""
        return self._edit(place, author, lambda before: _with_notes(before, wanted.apply(before.notes, place.column)), expected)

    def change(self, place: Place, author: str, wanted: NoteChange, *, expected: str | None = None) -> OwnNotes:
        """Let an author say more, less or other things of a place; raises :class:`PreconditionFailed`, :class:`NotFound`."""
        return self._edit(place, author, lambda before: _with_notes(before, wanted.apply(before.notes, place.column)), expected)

    def withdraw(self, place: Place, author: str, *, expected: str | None = None) -> OwnNotes:
        """Take back everything an author says of a place, rejections too."""

        def withdrawn(before: Annotation) -> Annotation:
            rejections = [item for item in before.rejections if item.column != place.column]
            return Annotation(before.author_type, [note for note in before.notes if note.column != place.column], rejections)

        return self._edit(place, author, withdrawn, expected)

    def accept(self, place: Place, author: str, note: Note, *, instead_of: Rejection | None = None) -> OwnNotes:
        """Let a person say what a machine suggests; what the person said of it before is replaced where there can be one only.
        ``instead_of`` is rejected by the same edit."""
        check_person(author)

        def accepted(before: Annotation) -> Annotation:
            kept = [old for old in before.notes if not is_replaced_by(old, note)]
            rejections = [item for item in before.rejections if not _is_about(item, note)]
            after = Annotation(before.author_type, [*kept, note], rejections)
            return after if instead_of is None else _rejecting(after, instead_of)

        return self._edit(place, author, accepted, None)

    def reject(self, place: Place, author: str, rejection: Rejection) -> OwnNotes:
        """Let a person say that what machines suggest is wrong."""
        check_person(author)

        return self._edit(place, author, lambda before: _rejecting(before, rejection), None)

    def _edit(self, place: Place, author: str, change: Change, expected: str | None) -> OwnNotes:
        author_type(author)
        before = annotation_in(self._repository.latest(place.target, KIND, producer_id=author, tenant=self._tenant), author)
        if _says_more(before, change(before)):
            check_there(self._repository, place, tenant=self._tenant)
        with editing(self._repository, self._tenant) as edit:
            found = edit.current(place.target, KIND, author)
            check_expected(expected, found, f"What {author} says of {place}")
            return write(edit, place, author, found, change(annotation_in(found, author)))


def write(edit: Editing, place: Place, author: str, before: StoredRecord | None, wanted: Annotation) -> OwnNotes:
    """Store what an author says of the target of a place from now on; an author who says nothing any more closes the state."""
    after = msgspec.structs.replace(wanted, notes=settled(wanted.notes, wanted.author_type))
    payload = msgspec.to_builtins(after) if after.notes or after.rejections else None
    if payload is None and version_of(before) == NOTHING:
        return _own(place, author, after, version_of(before))
    if before is not None and payload == before.record.payload:
        return _own(place, author, after, version_of(before))
    stored = edit.put(place.target, KIND, payload, author, before)
    return _own(place, author, after, next_version(stored, payload, before), changed=True)


def annotation_in(item: StoredRecord | None, author: str) -> Annotation:
    """Return what an author says by a record; nothing, where there is none."""
    if item is None or item.record.payload is None:
        return Annotation(author_type(author))
    return msgspec.convert(item.record.payload, Annotation)


def _with_notes(before: Annotation, notes: Sequence[Note]) -> Annotation:
    return msgspec.structs.replace(before, notes=list(notes))


def _rejecting(before: Annotation, rejection: Rejection) -> Annotation:
    others = [item for item in before.rejections if msgspec.structs.replace(item, reason=rejection.reason) != rejection]
    if len(others) >= MAX_NOTES:
        raise InvalidRequest("There are too many rejections", why=f"a person may make {MAX_NOTES:,} on a table", field="place")
    return Annotation(before.author_type, before.notes, sorted([*others, rejection], key=msgspec.json.encode))


def _says_more(before: Annotation, after: Annotation) -> bool:
    return any(note not in before.notes for note in after.notes) or any(item not in before.rejections for item in after.rejections)


def _is_about(rejection: Rejection, note: Note) -> bool:
    return (rejection.column, rejection.property, rejection.name, rejection.value) == (note.column, note.property, note.name, note.value)


def _own(place: Place, author: str, said: Annotation, version: str, *, changed: bool = False) -> OwnNotes:
    return OwnNotes(
        place=str(place),
        author=author,
        version=version,
        notes=[note for note in said.notes if note.column == place.column],
        rejections=[item for item in said.rejections if item.column == place.column],
        changed=changed,
    )
