"""From a text to a document that its standard takes: YAML or JSON, bounded, every value one that JSON can carry.

What is wrong is named with its path, and in YAML with its line; nothing is stored of a document that is wrong anywhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from factbook.contracts.standards import Standard, standard_of
from factbook.documents import MAX_DEPTH, MAX_NODES, Document, Mistake, Path, Unreadable, parse, place
from factbook.errors import InvalidRequest

MAX_BYTES = 1_048_576
"""YAML of a megabyte takes seconds to read, and a contract of a hundred tables has a quarter of it."""
_SHOWN = 10
_MAX_INTEGER = 2**63


class Read(msgspec.Struct, frozen=True):
    """A document with the standard it follows. ``root`` holds JSON values alone."""

    standard: Standard
    root: dict[str, Any]


def read_document(text: str | bytes, name: str = "the document") -> Read:
    """Read a data contract or a data product; raises :class:`InvalidRequest` naming the places that are wrong, at most ten."""
    document = _parsed(_text(text, name), name)
    if not isinstance(document.root, dict):
        raise _refused(name, [Mistake(1, "", "this is no contract and no product: a mapping with apiVersion and kind is expected")])
    mistakes = [*document.mistakes, *_odd_values(document)]
    if mistakes:
        raise _refused(name, sorted(mistakes))
    standard = standard_of(document.root)
    if standard is None:
        kind = document.root.get("kind")
        raise _refused(name, [document.mistake(("kind",), f"kind is {kind!r}; DataContract and DataProduct are read")])
    wrong = [document.mistake(path, why) for path, why in standard.problems(document.root, limit=_SHOWN + 1)]
    if wrong:
        raise _refused(name, sorted(wrong), standard)
    return Read(standard, document.root)


def _text(text: str | bytes, name: str) -> str:
    size = len(text)
    if size > MAX_BYTES:
        raise InvalidRequest(f"{name} is too large", why=f"it has {size:,} bytes; at most {MAX_BYTES:,} are taken", field="document")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is no text in UTF-8", why=f"byte {error.start} is none", field="document") from error


def _parsed(text: str, name: str) -> Document:
    try:
        return _parse_json(text) if text.lstrip().startswith("{") else parse(text)
    except Unreadable as error:
        raise _refused(name, [error.mistake]) from error


def _parse_json(text: str) -> Document:
    """Read JSON, which is told from YAML by its first sign: much faster, and what is no JSON after that sign may still be YAML."""
    twice: list[Mistake] = []

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.extend(Mistake(0, key, f"{key} stands there twice") for key in found if keys.count(key) > 1)
        return found

    try:
        root = json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError:
        return parse(text)
    except ValueError as error:
        raise Unreadable(Mistake(1, "", f"a number cannot be read: {error}")) from error
    except RecursionError as error:
        raise Unreadable(Mistake(1, "", "it is nested too deep")) from error
    return Document(root, {}, twice)


def _odd_values(document: Document) -> list[Mistake]:
    """Return the values that JSON cannot carry or a store cannot keep; raises for a document that is too deep or too large."""
    mistakes = []
    for count, (path, value) in enumerate(_values(document.root, ())):
        if count > MAX_NODES or len(path) > MAX_DEPTH:
            raise _refused("the document", [document.mistake(path[:4], "the document is too large or nested too deep")])
        why = _why_odd(value)
        if why is not None:
            mistakes.append(document.mistake(path, why))
    return mistakes


def _why_odd(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is no number that JSON has"
    if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        return "the number does not fit 64 bits"
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value)):
        return "the text holds a NUL or half a character"
    return None


def _values(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every key and value with its place, without recursion."""
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        where, found = waiting.pop()
        yield where, found
        if isinstance(found, dict):
            for key, inner in found.items():
                yield (*where, key), key
                waiting.append(((*where, key), inner))
        elif isinstance(found, list):
            waiting.extend(((*where, index), inner) for index, inner in enumerate(found))


def _refused(name: str, mistakes: list[Mistake], standard: Standard | None = None) -> InvalidRequest:
    shown = "; ".join(_said(mistake) for mistake in mistakes[:_SHOWN])
    more = "; and more" if len(mistakes) > _SHOWN else ""
    what = f"{name} is no {standard.title}" if standard is not None else f"{name} cannot be read"
    fix = f"See {standard.url}" if standard is not None else "Send YAML or JSON in UTF-8, every key once"
    return InvalidRequest(what, why=shown + more, fix=fix, field=mistakes[0].place or "document")


def _said(mistake: Mistake) -> str:
    """Write a mistake with its line where the text has lines that are known."""
    return str(mistake) if mistake.line else f"{mistake.place}: {mistake.text}"


__all__ = ["MAX_BYTES", "Read", "place", "read_document"]
