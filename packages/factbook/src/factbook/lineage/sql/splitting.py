"""Cut a text into statements, each with its line. Knows quotes and comments and nothing else of SQL, so that one statement that is wrong
takes no other with it, and a large text costs little."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_BACKSLASHES = frozenset({"bigquery", "clickhouse", "databricks", "doris", "hive", "mysql", "spark", "starrocks"})
"""Dialects in which a backslash in a string takes the next sign as it is."""

_HASH_COMMENTS = frozenset({"bigquery", "doris", "mysql", "starrocks"})

_WORDS = re.compile(r"\w", re.S)


class SqlStatement(msgspec.Struct, frozen=True):
    """One statement as it is written, and the line it begins in, from 1."""

    text: str
    line: int


def split(text: str, dialect: str) -> Iterator[SqlStatement]:
    """Yield the statements of a script. Rows behind ``COPY … FROM stdin`` are passed over, ``DELIMITER`` (MySQL's client) is obeyed."""
    pattern = _pattern(dialect)
    start = at = 0
    delimiter = ";"
    line, counted = 1, 0
    while True:
        found = pattern.search(text, at)
        end = len(text) if found is None else found.start()
        if found is not None and found.lastgroup == "delimiter":
            delimiter, at = found["delimiter"], found.end()
            start = at
            continue
        if found is not None and found.lastgroup in ("quoted", "comment"):
            at = found.end()
            continue
        if found is not None and not text.startswith(delimiter, end):
            at = end + 1
            continue
        statement = text[start:end]
        lead = start + len(statement) - len(statement.lstrip())
        line, counted = line + text.count("\n", counted, lead), lead
        if _WORDS.search(statement):
            yield SqlStatement(statement.strip(), line)
        if found is None:
            return
        at = start = _behind_rows(text, end + len(delimiter), statement)


def _behind_rows(text: str, at: int, statement: str) -> int:
    """Return where reading goes on: behind the rows of a COPY, if it was one."""
    if not re.search(r"\bCOPY\b.*\bFROM\s+stdin\b", statement, re.I | re.S):
        return at
    end = text.find("\n\\.", at)
    return len(text) if end < 0 else end + len("\n\\.")


def _pattern(dialect: str) -> re.Pattern[str]:
    """Return what a dialect's text is cut by: quoted text and comments, which hide a semicolon, and what may end a statement."""
    inside = r"(?:[^'\\]|\\.|'')*" if dialect in _BACKSLASHES else r"(?:[^']|'')*"
    quoted = [rf"'{inside}(?:'|\Z)", r'"(?:[^"]|"")*(?:"|\Z)', r"`[^`]*(?:`|\Z)"]
    if dialect in ("postgres", "redshift", "materialize", "risingwave", "duckdb"):
        quoted = [r"\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)", _DOLLARS, *quoted]
    comments = [r"--[^\n]*", r"/\*.*?(?:\*/|\Z)"] + ([r"#[^\n]*"] if dialect in _HASH_COMMENTS else [])
    client = r"(?m:^)[ \t]*DELIMITER[ \t]+(?P<delimiter>\S+)[ \t]*(?:\r?\n|\Z)"
    return re.compile(rf"(?i:{client})|(?P<quoted>{'|'.join(quoted)})|(?P<comment>{'|'.join(comments)})|(?P<end>;|\$\$|//)", re.S)


_DOLLARS = r"\$\$.*?(?:\$\$|\Z)|\$(?P<tag>[A-Za-z_]\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
