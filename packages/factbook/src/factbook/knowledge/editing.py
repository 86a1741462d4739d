"""How what an author says changes. Pure: the notes before and a change in, the notes after out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.annotation import AuthorType, Note, Property
from factbook_sdk.facts.precedence import UNITED, says_something, value_key

MAX_TEXT = 100_000
MAX_NOTES = 10_000
"""Notes of one author on one table with its columns."""

_LINKS = ("http://", "https://", "mailto:")
_TEXTS: frozenset[Property] = UNITED | {"description"}
_ORDER: tuple[Property, ...] = (
    "description",
    "owner",
    "steward",
    "tag",
    "classification",
    "term",
    "certification",
    "deprecation",
    "link",
    "custom",
)

_Name = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
_Reason = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]


class NewNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A statement to make. ``name`` is that of a ``custom`` property or a title of a link; ``confidence`` is for machines."""

    property: Property
    value: Any
    name: _Name | None = None
    reason: _Reason | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None

    def on(self, column: str | None) -> Note:
        return Note(self.property, self.value, column, self.name, self.confidence, self.reason)


class Removal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to take back: a property, or one value or name of it."""

    property: Property
    value: Any = None
    name: _Name | None = None

    def covers(self, note: Note) -> bool:
        return (
            note.property == self.property
            and self.name in (None, note.name)
            and (self.value is None or value_key(self.value) == value_key(note.value))
        )


_New = Annotated[list[NewNote], Meta(max_length=1000)]


class NoteSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that an author says of one place from now on."""

    notes: _New

    def apply(self, before: Sequence[Note], column: str | None) -> list[Note]:
        return [*(note for note in before if note.column != column), *(new.on(column) for new in self.notes)]


class NoteChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change, in this order: ``remove`` takes back, ``set`` gives a property these values and no others, ``add`` gives more."""

    set: _New = []
    add: _New = []
    remove: Annotated[list[Removal], Meta(max_length=1000)] = []

    def apply(self, before: Sequence[Note], column: str | None) -> list[Note]:
        replaced = {_slot(new.property, new.name) for new in self.set}
        kept = [
            note
            for note in before
            if note.column != column
            or not (_slot(note.property, note.name) in replaced or any(removal.covers(note) for removal in self.remove))
        ]
        added = [new.on(column) for new in (*self.set, *self.add)]
        repeated = {_statement(note) for note in added}
        return [*(note for note in kept if _statement(note) not in repeated), *added]


def settled(notes: Iterable[Note], author_type: AuthorType) -> list[Note]:
    """Return notes checked and in their fixed order, so that the same is the same state; raises :class:`InvalidRequest`."""
    found: dict[tuple[Any, ...], Note] = {}
    for note in notes:
        check_note(note, author_type)
        if note.property not in UNITED:
            slot = (note.column, *_slot(note.property, note.name))
            if slot in found and value_key(found[slot].value) != value_key(note.value):
                raise _wrong(note, "a place has one of it, and here are two", "Leave one out")
            found[slot] = note
        else:
            found[_statement(note)] = note
    if len(found) > MAX_NOTES:
        raise InvalidRequest(f"{len(found):,} notes are too many", why=f"an author may say {MAX_NOTES:,} things of a table", field="notes")
    return sorted(found.values(), key=_place_of)


def is_replaced_by(old: Note, new: Note) -> bool:
    """Return whether a new statement takes the place of an old one: it says the same, or there can be one of it only."""
    if _statement(old) == _statement(new):
        return True
    return new.property not in UNITED and (old.column, *_slot(old.property, old.name)) == (new.column, *_slot(new.property, new.name))


def check_note(note: Note, author_type: AuthorType) -> None:
    """Refuse a statement that no reader could use; raises :class:`InvalidRequest`."""
    if not says_something(note.value):
        raise _wrong(note, "it is empty", "Take it back instead")
    if note.property in _TEXTS and not isinstance(note.value, str):
        raise _wrong(note, "it is no text", "Write a text")
    if note.property in ("certification", "deprecation") and not isinstance(note.value, (str, bool)):
        raise _wrong(note, "it is neither a text nor true or false", "Write true, or say more in a text")
    if len(value_key(note.value)) > MAX_TEXT:
        raise _wrong(note, f"it has more than {MAX_TEXT:,} bytes", "Shorten it, or link to it")
    if isinstance(note.value, str) and "\x00" in note.value:
        raise _wrong(note, "it holds a NUL", "Leave that out")
    if note.property == "link" and not str(note.value).lower().startswith(_LINKS):
        raise _wrong(note, f"a link begins with {', '.join(_LINKS)}", "Write the whole address")
    if note.property == "custom" and note.name is None:
        raise _wrong(note, "it has no name", "Give it a name")
    if note.confidence is not None and author_type == "person":
        raise _wrong(note, "a confidence is for guesses of machines", "Leave the confidence out, or write as agent:NAME")


def _slot(prop: Property, name: str | None) -> tuple[Property, str | None]:
    return prop, name if prop == "custom" else None


def _statement(note: Note) -> tuple[Any, ...]:
    return note.column, *_slot(note.property, note.name), value_key(note.value)


def _place_of(note: Note) -> tuple[Any, ...]:
    return note.column or "", _ORDER.index(note.property), note.name or "", value_key(note.value)


def _wrong(note: Note, why: str, fix: str) -> InvalidRequest:
    where = f"{note.property} of {note.column}" if note.column else note.property
    return InvalidRequest(f"The {where} is wrong", why=why, fix=fix, field=note.property)
