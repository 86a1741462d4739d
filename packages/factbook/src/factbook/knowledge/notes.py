"""The room's front: read, search, write, import and export what is said in one tenant."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from factbook.errors import PreconditionFailed
from factbook.knowledge.editing import NoteChange
from factbook.knowledge.model import NOTHING, Known, OwnNotes
from factbook.knowledge.note_import import NoteFiles
from factbook.knowledge.places import Place
from factbook.knowledge.reading import NoteReading
from factbook.knowledge.searching import NoteSearch
from factbook.knowledge.writing import NoteWriting
from factbook.repository.sql import SqlRepository


class Notes:
    """What is said in one tenant: ``reading`` merges it, ``search`` finds statements, ``writing`` is for authors, ``files`` for git."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self.reading = NoteReading(repository, tenant=tenant)
        self.search = NoteSearch(repository, tenant=tenant)
        self.files = NoteFiles(repository, tenant=tenant)
        self.writing = NoteWriting(repository, tenant=tenant)

    def say(self, place: Place, author: str, change: NoteChange, *, seen: str) -> OwnNotes:
        """Let an author change what they say of a place, having seen what everybody says of it: ``seen`` is what :func:`seen_in` gave.
        Raises :class:`PreconditionFailed` if anybody said something else of it meanwhile, :class:`NotFound`."""
        known = self.reading.known(place)
        if seen != seen_in(known):
            raise PreconditionFailed(
                f"Somebody changed what is said of {place} meanwhile",
                why="what the form showed is not what holds now",
                fix="Look at what is said now, then save again",
                field="seen",
            )
        return self.writing.change(place, author, change, expected=known.versions.get(author, NOTHING))


def seen_in(known: Known) -> str:
    """Return what names everything that is said of a place, by whomever, and of nothing besides."""
    said = msgspec.structs.replace(known, versions={}, found=True)
    return blake2b(msgspec.json.encode(said), digest_size=16).hexdigest()
