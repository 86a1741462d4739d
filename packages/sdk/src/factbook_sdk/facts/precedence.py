"""Who is right where several say something of the same table or column. Pure: statements in, what holds out.

A person comes before agents and rules, those by their confidence (none stated is certainty), and all before the comments that scanners
find. Of one rank the newest statement holds. What a thing can have several of (tags, owners, stewards, classifications, terms, links) is
united, each value with everybody who says it. A machine's statement that a person rejects is left out. Empty statements say nothing.

What a machine says with a confidence is a *suggestion*: it is shown where nothing better is known, and marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from factbook_sdk.facts.kinds.annotation import AuthorType, Note, Property, Rejection

UNITED: frozenset[Property] = frozenset({"owner", "steward", "tag", "classification", "term", "link"})
"""Properties of which a thing can have several values; of the others it has one, ``custom`` one for each name."""

_RANKS: dict[str, int] = {"person": 0, "agent": 1, "rule": 1, "scanner": 2}


class Voice(msgspec.Struct, frozen=True):
    """One statement with its origin: by whom, since when without a break, and the id of the record in which it stands first."""

    author: str
    author_type: AuthorType | Literal["scanner"]
    note: Note
    said_at: datetime
    record_id: str | None = None

    @property
    def is_suggestion(self) -> bool:
        return self.author_type != "person" and self.note.confidence is not None


class Merged(msgspec.Struct, frozen=True):
    """What holds: a value with those who say so, the most trusted first, and those who say otherwise and are overruled."""

    property: Property
    name: str | None
    value: Any
    voices: list[Voice]
    overruled: list[Voice] = []

    def is_suggested(self) -> bool:
        """Whether nothing but suggestions says so."""
        return all(voice.is_suggestion for voice in self.voices)


def says_something(value: Any) -> bool:
    """Return whether a value is more than nothing and blanks."""
    return value is not None and bool(str(value).strip())


def value_key(value: Any) -> bytes:
    """Return what two values have in common exactly if they say the same."""
    return msgspec.json.encode(value.strip() if isinstance(value, str) else value, order="sorted")


def by_precedence(voices: Iterable[Voice]) -> list[Voice]:
    """Return statements in their order, the one that holds before the ones it overrules."""
    return sorted(voices, key=_order)


def without_rejected(voices: Iterable[Voice], rejections: Sequence[Rejection]) -> list[Voice]:
    """Leave out the statements of machines that a person rejects."""
    if not rejections:
        return list(voices)
    rejected = {(*_place(item), item.author) for item in rejections}
    return [
        voice
        for voice in voices
        if voice.author_type == "person" or rejected.isdisjoint(((*_place(voice.note), None), (*_place(voice.note), voice.author)))
    ]


def merge(voices: Iterable[Voice], column: str | None = None) -> list[Merged]:
    """Return what holds of a column, or with ``None`` of the thing itself, of all that is said and not rejected."""
    groups: dict[tuple[Any, ...], list[Voice]] = {}
    for voice in by_precedence(voices):
        note = voice.note
        if note.column == column and says_something(note.value):
            several = note.property in UNITED
            key = (note.property, value_key(note.value)) if several else (note.property, note.name if note.property == "custom" else None)
            groups.setdefault(key, []).append(voice)
    return [_settled(group) for group in groups.values()]


def _settled(group: list[Voice]) -> Merged:
    first = group[0].note
    same = value_key(first.value)
    agreeing = [voice for voice in group if value_key(voice.note.value) == same]
    overruled = [voice for voice in group if value_key(voice.note.value) != same]
    name = next((voice.note.name for voice in agreeing if voice.note.name is not None), None)
    return Merged(first.property, name, first.value, agreeing, overruled)


def _order(voice: Voice) -> tuple[int, float, float, str]:
    rank = _RANKS[voice.author_type]
    confidence = 1.0 if rank != 1 or voice.note.confidence is None else voice.note.confidence
    return rank, -confidence, -voice.said_at.timestamp(), voice.author


def _place(said: Note | Rejection) -> tuple[Any, ...]:
    return said.column, said.property, said.name if said.property == "custom" else None, value_key(said.value)
