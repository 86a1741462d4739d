"""What people type to say something of a place, read as a change of what they say: a field for each property, a value on each line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import msgspec

from factbook.knowledge import NoteChange
from factbook.knowledge.editing import NewNote, Removal
from factbook.knowledge.model import Known
from factbook_sdk.facts.kinds.annotation import Note, Property

MAX_DESCRIPTION = 10_000
MAX_VALUE = 500
MAX_LINES = 100
MAX_REASON = 1000
"""Characters and lines that a form takes."""

LINES: tuple[Property, ...] = ("owner", "steward", "tag", "classification")
"""Properties with a value on each line."""
_TEXTS: dict[Property, int] = {"description": MAX_DESCRIPTION, "certification": MAX_VALUE, "deprecation": MAX_VALUE}
"""Properties of which a place has one, and how long it may be."""
_YES_NO = {"yes": True, "no": False}


class NoteForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends. ``seen`` names what was said when it was opened, ``terms`` are those that stay."""

    do: Literal["save", "confirm", "withdraw"] = "save"
    seen: str = ""
    description: str = ""
    reason: str = ""
    owner: str = ""
    steward: str = ""
    tag: str = ""
    classification: str = ""
    terms: list[str] = []
    term: str = ""
    certification: str = ""
    deprecation: str = ""
    link: str = ""
    custom: str = ""


class Read(msgspec.Struct, frozen=True):
    """What a form says: a change, or what is wrong with which field."""

    change: NoteChange
    errors: dict[str, str]


def opened(known: Known, own: Sequence[Note], seen: str) -> NoteForm:
    """Return the form as it is opened: with what one says oneself, and where one gives no description, with the one that holds, unless
    nobody but a machine suggests it: to save a form is not to accept that."""
    one = {note.property: _shown(note.value) for note in own}
    held = known.description if known.description and not known.description.suggested else None
    several = {name: "\n".join(_lines_of(own, name)) for name in (*LINES, "link", "custom")}
    return NoteForm(
        seen=seen,
        description=one.get("description", _shown(held.value) if held is not None else ""),
        owner=several["owner"],
        steward=several["steward"],
        tag=several["tag"],
        classification=several["classification"],
        terms=[_shown(note.value) for note in own if note.property == "term"],
        certification=one.get("certification", ""),
        deprecation=one.get("deprecation", ""),
        link=several["link"],
        custom=several["custom"],
    )


def read(sent: NoteForm, known: Known, own: Sequence[Note], term_named: Callable[[str], str | None]) -> Read:
    """Return what changes by a form; ``term_named`` finds the key of a term by its key or name."""
    reading = _Reading(opened(known, own, ""), own)
    if sent.do == "withdraw":
        return Read(NoteChange(remove=[Removal(prop) for prop in dict.fromkeys(note.property for note in own)]), {})
    if sent.do == "confirm":
        reading.again(sent)
    else:
        reading.texts(sent)
        for name in LINES:
            reading.lines(name, getattr(sent, name), partial(NewNote, name))
        reading.lines("link", sent.link, _link)
        reading.lines("custom", sent.custom, _custom)
        reading.terms(sent, term_named)
    return Read(NoteChange(set=reading.set, add=reading.add, remove=reading.remove), reading.errors)


class _Reading:
    """Gathers what changes, field by field."""

    def __init__(self, before: NoteForm, own: Sequence[Note]) -> None:
        self._before = before
        self._own = own
        self.set: list[NewNote] = []
        self.add: list[NewNote] = []
        self.remove: list[Removal] = []
        self.errors: dict[str, str] = {}

    def again(self, sent: NoteForm) -> None:
        """Say the description that holds once more, with the reason that makes it count as said anew."""
        looked = f"Looked at again, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        self.set.append(NewNote("description", self._before.description, reason=sent.reason.strip() or looked))

    def texts(self, sent: NoteForm) -> None:
        reason = sent.reason.strip() or None
        if len(reason or "") > MAX_REASON:
            self.errors["reason"] = _too_long(len(reason or ""), MAX_REASON)
        for prop, limit in _TEXTS.items():
            text, before = _plain(getattr(sent, prop)), _plain(getattr(self._before, prop))
            why = reason if prop == "description" else None
            if text == before and why is None:
                continue
            if len(text) > limit:
                self.errors[prop] = _too_long(len(text), limit)
            elif text:
                value = text if prop == "description" else _YES_NO.get(text.casefold(), text)
                self.set.append(NewNote(prop, value, reason=why if why and len(why) <= MAX_REASON else None))
            else:
                self.remove += [Removal(prop) for note in self._own if note.property == prop]

    def lines(self, prop: Property, text: str, read_line: Callable[[str], NewNote | str]) -> None:
        lines = lines_in(text)
        before = _lines_of(self._own, prop)
        if len(lines) > MAX_LINES:
            self.errors[prop] = f"{len(lines)} lines are too many: at most {MAX_LINES} are taken"
            return
        for line in lines:
            if line in before:
                continue
            made = read_line(line)
            if len(line) > MAX_VALUE:
                self.errors[prop] = f"{line[:40]}…: {_too_long(len(line), MAX_VALUE)}"
            elif isinstance(made, str):
                self.errors[prop] = made
            else:
                (self.set if prop == "custom" else self.add).append(made)
        self.remove += [
            Removal(prop, note.value, note.name if prop == "custom" else None) for line, note in before.items() if line not in lines
        ]

    def terms(self, sent: NoteForm, term_named: Callable[[str], str | None]) -> None:
        mine = {_shown(note.value): note for note in self._own if note.property == "term"}
        self.remove += [Removal("term", note.value) for key, note in mine.items() if key not in sent.terms]
        wanted = sent.term.strip()
        if not wanted:
            return
        key = term_named(wanted)
        if key is None:
            self.errors["term"] = f"The glossary has no term {wanted[:100]!r}"
        elif key not in mine:
            self.add.append(NewNote("term", key))


def lines_in(text: str) -> list[str]:
    """Return the lines of a field that say something, each once."""
    return [line for line in dict.fromkeys(map(str.strip, _plain(text).split("\n"))) if line]


def _lines_of(own: Sequence[Note], prop: Property) -> Mapping[str, Note]:
    """Return one's own values of a property by the line each is typed as; what fits on no line is left alone."""
    written = {_line(note): note for note in own if note.property == prop}
    return {line: note for line, note in written.items() if lines_in(line) == [line]}


def _line(note: Note) -> str:
    shown = _shown(note.value).strip()
    if note.property == "custom":
        return f"{note.name} = {shown}"
    return f"{shown} {note.name}" if note.property == "link" and note.name else shown


def _link(line: str) -> NewNote:
    address, _, title = line.partition(" ")
    return NewNote("link", address, title.strip() or None)


def _custom(line: str) -> NewNote | str:
    name, equals, value = (part.strip() for part in line.partition("="))
    return NewNote("custom", value, name) if name and equals and value else f"{line[:100]!r} is no NAME = VALUE"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _plain(text: str) -> str:
    """Return a text without what browsers do to the ends of lines."""
    return text.replace("\r\n", "\n").strip()


def _too_long(length: int, limit: int) -> str:
    return f"{length:,} characters are too many: at most {limit:,} are taken"
