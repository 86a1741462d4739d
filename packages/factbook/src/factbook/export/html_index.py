"""What the pages search: scripts that assign data, since a page opened from a disk may fetch none. Pure.

``tables.js`` names every table and is loaded by every page, for the tree and the first answers. ``columns-N.js`` hold the columns of some
hundred tables each, one line a table, and are loaded when somebody begins to search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from factbook.export.catalog import TableEntry

SHARD_CHARACTERS = 1_000_000
_MAX_DESCRIPTION = 120
_MAX_COLUMN_DESCRIPTION = 80


def table_row(entry: TableEntry, file: str) -> list[Any]:
    """Return what the index says of a table: name, file without its ending (0: as the name), type, number of columns, description."""
    described = _cut(entry.description() or "", _MAX_DESCRIPTION)
    kind = entry.snapshot.object_type.replace("_", " ")
    return [entry.table, 0 if file == entry.table else file, 0 if kind == "table" else kind, len(entry.snapshot.columns), described]


def columns_line(entry: TableEntry) -> str:
    """Return a table's columns: each its name, and after a carriage return its description; tabs between them."""
    parts = []
    for column in entry.snapshot.columns:
        described = _cut(entry.description(column.name) or "", _MAX_COLUMN_DESCRIPTION)
        parts.append(f"{_flat(column.name)}\r{described}" if described else _flat(column.name))
    return "\t".join(parts)


def shards(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the lines of one file after the other."""
    kept: list[str] = []
    size = 0
    for line in lines:
        kept.append(line)
        size += len(line)
        if size >= SHARD_CHARACTERS:
            yield kept
            kept, size = [], 0
    if kept:
        yield kept


def script(function: str, *arguments: Any) -> str:
    """Return a script that hands JSON to a function. Nothing in it can end a script element or a line of a script."""
    body = ",".join(msgspec.json.encode(argument).decode() for argument in arguments)
    for char, escaped in (("<", "\\u003c"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        body = body.replace(char, escaped)
    return f"{function}({body});\n"


def _cut(text: str, length: int) -> str:
    flat = _flat(text)
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def _flat(text: str) -> str:
    return text if text.isprintable() else " ".join("".join(char if char.isprintable() else " " for char in text).split())
