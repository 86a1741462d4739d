"""``annotation``: what a person or an agent says of a table or one of its columns. Target: what it is about; the producer is its author.

Scanners never write it, so no scan can overwrite it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Name, Share
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="annotation",
    category=Category.STATE,
    description="What a person or an agent says of a table and its columns: descriptions, owners, tags, classifications, terms.",
    schemas=load_schemas(__package__, "annotation"),
)


Property = Literal["description", "owner", "steward", "tag", "classification", "term", "certification", "deprecation", "link", "custom"]
AuthorType = Literal["person", "agent", "rule"]


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement. ``column`` is missing where it is about the whole table; ``confidence`` is for guesses of machines.

    A note that accepts a suggestion names whose it was (``suggested_by``) and the record that held it (``evidence``).
    """

    property: Property
    value: Any
    column: Name | None = None
    name: Name | None = None
    confidence: Share | None = None
    reason: str | None = None
    suggested_by: Name | None = None
    evidence: Name | None = None


class Rejection(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement of machines that a person says is wrong, whatever machine says it; with ``author`` only of that one."""

    property: Property
    value: Any
    column: Name | None = None
    name: Name | None = None
    author: Name | None = None
    reason: str | None = None


class Annotation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload: everything this author says of this target. An author who says less takes something back.

    Rejections are a person's; of others they mean nothing.
    """

    author_type: AuthorType
    notes: list[Note] = []
    rejections: list[Rejection] = []


SENSITIVE = frozenset({"sensitive", "pii", "personal", "confidential", "secret", "restricted"})
"""Classifications whose columns give counts and no values."""


class Sensitive(msgspec.Struct, frozen=True):
    """Which columns of one table are sensitive: some, or all of them."""

    columns: frozenset[str] = frozenset()
    whole_table: bool = False
    because: dict[str, str] = {}
    """Why a column is sensitive that nobody calls so, by its name."""

    def covers(self, column: str) -> bool:
        return self.whole_table or column in self.columns

    def __bool__(self) -> bool:
        return self.whole_table or bool(self.columns)


def sensitive_columns(notes: Iterable[Note]) -> Sensitive:
    """Return the columns that the notes in force on one table classify as sensitive, whoever says so.

    Who says it of the table says it of every column. One word is enough, however it is written: ``PII``, ``["pii"]``, ``PII: high``.
    """
    said = [note.column for note in notes if note.property == "classification" and not SENSITIVE.isdisjoint(_words(note.value))]
    return Sensitive(frozenset(column for column in said if column is not None), whole_table=None in said)


def _words(value: Any) -> set[str]:
    return set(re.findall(r"[^\W_]+", str(value).casefold()))
