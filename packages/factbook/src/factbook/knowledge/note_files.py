"""What one author says of one source, as YAML for git: read strictly, written the same for the same notes.

``factbook_notes: 1`` names the form; ``docs/how-to/describe-your-data.md`` shows every part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from factbook.documents import Document, Mistake, Path, Unreadable, format_document, parse
from factbook.errors import InvalidRequest
from factbook.knowledge.authors import author_type
from factbook.knowledge.editing import check_note, settled
from factbook.knowledge.places import Place
from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts.kinds.annotation import Annotation, AuthorType, Note, Property, Rejection

VERSION = 1
MAX_NODES = 1_000_000
MAX_MISTAKES = 20

_PROPERTIES: dict[str, Property] = {
    "description": "description",
    "owners": "owner",
    "stewards": "steward",
    "tags": "tag",
    "classifications": "classification",
    "terms": "term",
    "certification": "certification",
    "deprecation": "deprecation",
    "links": "link",
    "custom": "custom",
}
_SINGLE = ("description", "certification", "deprecation")
_ENTRY = ("value", "name", "reason", "confidence", "suggested_by", "evidence")
_REJECTION = ("property", "value", "name", "author", "reason")
_ABOUT = (*_PROPERTIES, "rejected")


class NoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """The notes in a file, by source, schema or table; ``lines`` says on which line a place stands."""

    source_id: str
    author: str
    annotations: dict[Place, Annotation]
    lines: dict[Place, int] = {}


def read_notes(text: str, name: str, *, author: str) -> NoteFile:
    """Read a file; ``author`` is whose it is unless it says so itself. Raises :class:`InvalidRequest` naming every mistake by its line."""
    try:
        document = parse(text, max_nodes=MAX_NODES)
    except Unreadable as error:
        raise refusal(name, [error.mistake]) from error
    reader = _Reading(document, author)
    found = reader.file()
    if found is None or reader.mistakes:
        raise refusal(name, sorted(reader.mistakes))
    return found


def refusal(name: str, mistakes: Sequence[Mistake]) -> InvalidRequest:
    """Return the error that names what is wrong in a file."""
    shown = "; ".join(str(mistake) for mistake in mistakes[:MAX_MISTAKES])
    more = f"; and {len(mistakes) - MAX_MISTAKES:,} more" if len(mistakes) > MAX_MISTAKES else ""
    return InvalidRequest(f"{name} is wrong", why=shown + more, fix="Correct it there; nothing was changed", field="file")


def format_notes(source_id: str, author: str, annotations: Mapping[Place, Annotation]) -> str:
    """Return the file that says what an author says; places are sources, schemas and tables of the source."""
    document: dict[str, Any] = {"factbook_notes": VERSION, "source": source_id, "author": author}
    for place, said in sorted(annotations.items(), key=lambda item: _order(item[0])):
        columns = columns_of(said)
        written = _written(said, None)
        if columns:
            written["columns"] = [{"column": column, **_written(said, column)} for column in columns]
        if place.table is not None:
            schema = {} if place.schema is None else {"schema": place.schema}
            document.setdefault("tables", []).append({**schema, "table": place.table, **written})
        elif place.schema is not None:
            document.setdefault("schemas", []).append({"schema": place.schema, **written})
        else:
            document["about"] = written
    return format_document(document)


def columns_of(said: Annotation) -> list[str]:
    """Return the columns that anything is said of, by name."""
    spoken = {note.column for note in said.notes} | {item.column for item in said.rejections}
    return sorted(column for column in spoken if column is not None)


def _order(place: Place) -> tuple[str, ...]:
    return place.schema or "", place.table or ""


def _written(said: Annotation, column: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, prop in _PROPERTIES.items():
        entries = [_entry(note) for note in said.notes if note.property == prop and note.column == column]
        if entries:
            found[key] = entries[0] if key in _SINGLE and len(entries) == 1 else entries
    rejected = [_fields(item, _REJECTION) for item in said.rejections if item.column == column]
    return found | ({"rejected": rejected} if rejected else {})


def _entry(note: Note) -> Any:
    fields = _fields(note, _ENTRY)
    return note.value if list(fields) == ["value"] and isinstance(note.value, (str, bool)) else fields


def _fields(said: Note | Rejection, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(said, name)) is not None}


class _Reading:
    def __init__(self, document: Document, author: str) -> None:
        self._document = document
        self.mistakes = list(document.mistakes)
        self._author = author
        self._type: AuthorType = "person"
        self._annotations: dict[Place, Annotation] = {}
        self._lines: dict[Place, int] = {}

    def file(self) -> NoteFile | None:
        root = self._document.root
        if not isinstance(root, dict) or root.get("factbook_notes") != VERSION:
            self._note((), f"a file of notes begins with factbook_notes: {VERSION}")
            return None
        self._known(root, (), ("factbook_notes", "source", "author", "about", "schemas", "tables"))
        source_id = self._text(root, (), "source", required=True)
        author = self._text(root, (), "author") or self._author
        try:
            self._type = author_type(author)
        except InvalidRequest as error:
            self._note(("author",), str(error))
        if source_id is None:
            return None
        if root.get("about") is not None:
            self._about(root["about"], ("about",), Place(source_id), _ABOUT)
        for index, item in enumerate(self._list(root, (), "schemas")):
            self._named(item, ("schemas", index), source_id, with_table=False)
        for index, item in enumerate(self._list(root, (), "tables")):
            self._named(item, ("tables", index), source_id, with_table=True)
        return NoteFile(source_id=source_id, author=author, annotations=self._annotations, lines=self._lines)

    def _named(self, item: Any, path: Path, source_id: str, *, with_table: bool) -> None:
        if not isinstance(item, dict):
            self._note(path, "it is no mapping")
            return
        schema = self._text(item, path, "schema", required=not with_table)
        table = self._text(item, path, "table", required=True) if with_table else None
        if schema is None and table is None:
            return
        try:
            place = Place(source_id, schema, table)
        except (InvalidRequest, InvalidRecord) as error:
            self._note(path, str(error))
            return
        self._about(item, path, place, ("schema", "table", "columns", *_ABOUT) if with_table else ("schema", *_ABOUT))

    def _about(self, item: Any, path: Path, place: Place, allowed: Sequence[str]) -> None:
        if not isinstance(item, dict):
            self._note(path, "it is no mapping")
            return
        if place in self._annotations:
            self._note(path, f"{place} stands here twice")
            return
        self._known(item, path, allowed)
        self._lines[place] = self._document.line(path)
        notes, rejections = self._said(item, path, None)
        seen: set[str] = set()
        for index, column in enumerate(self._list(item, path, "columns") if place.table is not None else ()):
            where = (*path, "columns", index)
            name = self._text(column, where, "column", required=True) if isinstance(column, dict) else None
            if name is None or not isinstance(column, dict):
                self._note(where, "a column is a mapping with column")
                continue
            if name in seen:
                self._note(where, f"{name} stands here twice")
            seen.add(name)
            self._known(column, where, ("column", *_ABOUT))
            self._lines[Place(place.source_id, place.schema, place.table, name)] = self._document.line(where)
            more, judged = self._said(column, where, name)
            notes += more
            rejections += judged
        try:
            self._annotations[place] = Annotation(self._type, settled(notes, self._type), sorted(rejections, key=msgspec.json.encode))
        except InvalidRequest as error:
            self._note(path, str(error))

    def _said(self, item: dict[str, Any], path: Path, column: str | None) -> tuple[list[Note], list[Rejection]]:
        notes = []
        for key, prop in _PROPERTIES.items():
            value = item.get(key)
            for index, entry in enumerate(value if isinstance(value, list) else [] if value is None else [value]):
                note = self._entry(entry, (*path, key, index) if isinstance(value, list) else (*path, key), prop, column)
                notes += [] if note is None else [note]
        rejections = []
        for index, entry in enumerate(self._list(item, path, "rejected")):
            rejection = self._rejection(entry, (*path, "rejected", index), column)
            rejections += [] if rejection is None else [rejection]
        return notes, rejections

    def _entry(self, entry: Any, path: Path, prop: Property, column: str | None) -> Note | None:
        if isinstance(entry, list):
            self._note(path, "a list in a list means nothing here")
            return None
        fields = entry if isinstance(entry, dict) else {"value": entry}
        self._known(fields, path, _ENTRY)
        found: Note | None = self._converted({**fields, "property": prop, "column": column}, path, Note)
        try:
            if found is not None:
                check_note(found, self._type)
        except InvalidRequest as error:
            self._note(path, str(error))
            return None
        return found

    def _rejection(self, entry: Any, path: Path, column: str | None) -> Rejection | None:
        if not isinstance(entry, dict):
            self._note(path, f"a rejection is a mapping with {', '.join(_REJECTION)}")
            return None
        if self._type != "person":
            self._note(path, "only people reject")
        self._known(entry, path, _REJECTION)
        found: Rejection | None = self._converted({**entry, "column": column}, path, Rejection)
        return found

    def _converted(self, fields: dict[str, Any], path: Path, struct: Any) -> Any:
        try:
            return msgspec.convert({name: value for name, value in fields.items() if value is not None}, struct)
        except msgspec.ValidationError as error:
            self._note(path, str(error).replace(" - at `$.", " at `"))
            return None

    def _known(self, item: dict[str, Any], path: Path, allowed: Sequence[str]) -> None:
        for key in item:
            if key not in allowed:
                self._note((*path, key), f"{key!r} is not known here; allowed are {', '.join(allowed)}")

    def _text(
        self, item: dict[str, Any], path: Path, key: Literal["source", "author", "schema", "table", "column"], *, required: bool = False
    ) -> str | None:
        value = item.get(key)
        if isinstance(value, str) and value and len(value) <= 512:
            return value
        if value is not None or required:
            self._note((*path, key) if key in item else path, f"{key} must be a name")
        return None

    def _list(self, item: dict[str, Any], path: Path, key: str) -> list[Any]:
        value = item.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self._note((*path, key), f"{key} must be a list")
        return []

    def _note(self, path: Path, text: str) -> None:
        self.mistakes.append(self._document.mistake(path, text))
