"""SQL in files: scripts, and logs of queries.

A script (``.sql``, or any other text) is cut into statements. A query log has one statement a line, as text or as a JSON object with the
statement in ``query``, ``sql`` or ``statement`` (NDJSON); ``.ndjson``, ``.jsonl`` and ``.log`` are taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.lineage.sql.splitting import SqlStatement, split

MAX_FILE_BYTES = 64 << 20
"""Bytes of a script, which is read whole; a log is read line by line and may be of any size."""

MAX_LINE = 4 << 20

_LOGS = frozenset({".ndjson", ".jsonl", ".log"})
_FIELDS = ("query", "sql", "statement")
_MAX_NAME = 500


class SqlFile(msgspec.Struct, frozen=True):
    """A file to read. ``name`` is what facts call it."""

    path: Path
    name: str
    is_log: bool


def find_files(paths: Sequence[Path], *, logs: bool | None = None) -> list[SqlFile]:
    """Return the files meant, those of a folder being its ``.sql`` files, however deep, by name.

    ``logs`` says whether they are query logs; by their suffixes, if it does not. Raises :class:`NotFound` for a path that is not there.
    """
    found: dict[Path, SqlFile] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(item for item in path.rglob("*.sql") if item.is_file())
            if not inside:
                raise InvalidRequest(f"{path} has no .sql files", fix="Name the files, or another folder", field="file")
        elif path.is_file():
            inside = [path]
        else:
            raise NotFound(f"There is no file {path}", fix="Correct the path", field="file")
        for item in inside:
            is_log = item.suffix.lower() in _LOGS if logs is None else logs
            found.setdefault(item, SqlFile(item, item.as_posix()[-_MAX_NAME:], is_log))
    return list(found.values())


def read_statements(file: SqlFile, dialect: str) -> Iterator[SqlStatement]:
    """Yield the statements of a file; raises :class:`InvalidRequest` for one that holds no text or is too large."""
    if file.is_log:
        yield from _log(file)
        return
    size = file.path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InvalidRequest(
            f"{file.name} is too large", why=f"it has {size:,} bytes, and at most {MAX_FILE_BYTES:,} are read", fix="Split it", field="file"
        )
    content = file.path.read_bytes()
    if b"\x00" in content:
        raise InvalidRequest(f"{file.name} is no text", why="it holds a NUL", fix="Name a file with SQL", field="file")
    yield from split(_decoded(content), dialect)


def _log(file: SqlFile) -> Iterator[SqlStatement]:
    with file.path.open("rb") as lines:
        number = 0
        while line := lines.readline(MAX_LINE):
            number += 1
            if b"\x00" in line:
                raise InvalidRequest(f"{file.name} is no text", why=f"line {number} holds a NUL", fix="Name a file with SQL", field="file")
            text = _statement_in(_decoded(line).strip())
            if text:
                yield SqlStatement(text, number)


def _statement_in(line: str) -> str:
    """Return the statement a line of a log tells; nothing, if it tells none."""
    if not line.startswith("{"):
        return line.rstrip("; ")
    try:
        entry: Any = msgspec.json.decode(line)
    except msgspec.DecodeError:
        # The parser says of it that it is no statement; here nothing is known of it.
        return line
    values = (entry.get(field) for field in _FIELDS)
    return next((value.strip().rstrip("; ") for value in values if isinstance(value, str)), "")


def _decoded(content: bytes) -> str:
    """Return a text; what is no UTF-8 is read as Latin-1, in which everything is a text."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
