"""What is said of a table and its columns: the notes of people and agents, and the database's comment, each with its author. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from factbook.export.catalog import TableEntry
from factbook_sdk.facts.kinds.annotation import Note

DATABASE = "database"
"""The author of a comment in the catalogue of the source."""


class Said(msgspec.Struct, frozen=True):
    """One statement in words: what it is (``description``, ``owner``, ``tag`` …), and who says it."""

    what: str
    text: str
    author: str
    confidence: float | None = None


def descriptions(entry: TableEntry, column: str | None = None) -> list[Said]:
    """Return what describes a table or one of its columns: notes by author, then the database's comment."""
    return [said for said in _said(entry, column) if said.what == "description"]


def labels(entry: TableEntry, column: str | None = None) -> list[Said]:
    """Return every other note on a table or one of its columns: owners, tags, classifications, terms, links …"""
    return [said for said in _said(entry, column) if said.what != "description"]


def value_text(value: Any) -> str:
    """Return a value of a note or a statistic in words: text as it is, all else as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value, order="sorted").decode()


def _said(entry: TableEntry, column: str | None) -> Iterator[Said]:
    for author, note in entry.notes:
        if note.column == column and (text := value_text(note.value).strip()):
            yield Said(_what(note), text, author, note.confidence)
    comment = entry.snapshot.comment if column is None else _comment(entry, column)
    if comment and comment.strip():
        yield Said("description", comment.strip(), DATABASE)


def _what(note: Note) -> str:
    return note.name if note.property == "custom" and note.name else note.property


def _comment(entry: TableEntry, column: str) -> str | None:
    return next((item.comment for item in entry.snapshot.columns if item.name == column), None)
