"""The room's front: read, search, write, import and export what is said in one tenant."""

from __future__ import annotations

from factbook.knowledge.note_import import NoteFiles
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
