"""What is answered about what people know."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from factbook_sdk.facts.kinds.annotation import Note, Property, Rejection

NOTHING = "none"
"""The version of what an author says where the author says nothing."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who says so, since when, and in which record it stands first. ``value`` is given where it differs from what holds."""

    author: str
    author_type: Literal["person", "agent", "rule", "scanner"]
    said_at: datetime
    record_id: str | None = None
    value: Any = None
    confidence: float | None = None
    reason: str | None = None
    suggested_by: str | None = None
    evidence: str | None = None


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value that holds, with everybody who says so, the most trusted first. ``suggested``: nothing but suggestions says so."""

    value: Any
    origins: list[Origin]
    name: str | None = None
    suggested: bool = False
    overruled: list[Origin] = []


class Description(Held, frozen=True, omit_defaults=True):
    """What holds as the description. ``source_changed``: the source's own comment is another one than when this was said; then and now
    are given."""

    source_changed: bool = False
    source_then: str | None = None
    source_now: str | None = None


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement of machines that a person rejects."""

    property: Property
    value: Any
    by: str
    name: str | None = None
    author: str | None = None
    reason: str | None = None


class Known(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is known of one place, merged. ``found`` is false where the place is not in the source (any more)."""

    place: str
    source_id: str
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    found: bool
    description: Description | None = None
    owners: list[Held] = []
    stewards: list[Held] = []
    tags: list[Held] = []
    classifications: list[Held] = []
    terms: list[Held] = []
    links: list[Held] = []
    certification: Held | None = None
    deprecation: Held | None = None
    custom: list[Held] = []
    rejected: list[Rejected] = []
    versions: dict[str, str] = {}


class TableKnown(msgspec.Struct, frozen=True):
    """What is known of a table and of some of its columns, those of which anything is; ``gone`` are columns that are spoken of and not
    there (any more), ``suggestions`` says how many notes of machines wait to be judged on all of it."""

    own: Known
    columns: dict[str, Known]
    gone: list[str]
    suggestions: int


class Summary(msgspec.Struct, frozen=True):
    """What holds of a place in a few words; what is only suggested is left out, and so is what the source says itself."""

    description: str | None = None
    owners: list[str] = []
    tags: list[str] = []


class KnownPage(msgspec.Struct, frozen=True):
    """Places in order: the source, its schemas, each table and then its columns."""

    items: list[Known]
    next_cursor: str | None
    as_of: datetime | None = None


class FoundNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement that was looked for."""

    place: str
    property: Property
    value: Any
    author: str
    author_type: Literal["person", "agent", "rule"]
    produced_at: datetime
    record_id: str
    name: str | None = None
    confidence: float | None = None


class FoundPage(msgspec.Struct, frozen=True):
    """Statements by place and author."""

    items: list[FoundNote]
    next_cursor: str | None
    as_of: datetime | None = None


class OwnNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What one author says of one place. ``version`` is that of the author's notes on the whole table: give it back as ``expected``."""

    place: str
    author: str
    version: str
    notes: list[Note]
    rejections: list[Rejection] = []
    changed: bool = False


class Edition(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one author said of one place from a moment on; ``notes`` is empty where it was all taken back."""

    author: str
    author_type: Literal["person", "agent", "rule"] | None = None
    produced_at: datetime
    record_id: str
    offset: int
    notes: list[Note] = []
    rejections: list[Rejection] = []


class EditionPage(msgspec.Struct, frozen=True):
    """The history of a place, newest last. ``next_after_offset`` continues it."""

    items: list[Edition]
    next_after_offset: int | None
