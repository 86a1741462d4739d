"""Words of DBML: names, types, strings, expressions and defaults as its lexer reads them (dbml.dbdiagram.io, language basics). Pure."""

from __future__ import annotations

import re

_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\(\d+(, ?\d+)?\))?\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
_STRING = re.compile(r"'((?:[^'\\]|'')*)'(?:::[a-z ]+(?:\(\d+\))?)?\Z")
_WORDS = frozenset({"true", "false", "null"})


def quoted(name: str) -> str:
    """Return a name in double quotes. A control character, which no name may hold there, is written as its code."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\\\u{ord(char):04x}" for char in escaped) + '"'


def type_name(data_type: str) -> str:
    """Return a type as it is where it is one word with a length, else in quotes."""
    return data_type if _TYPE.match(data_type) else quoted(data_type)


def string(value: str) -> str:
    """Return a string in single quotes, on one line."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "\\n".join("".join(char if char.isprintable() else " " for char in line) for line in escaped.splitlines()) + "'"


def expression(value: str) -> str:
    """Return an expression in backticks. It can hold none itself; MySQL's around names become standard SQL's double quotes."""
    return "`" + " ".join(value.split()).replace("`", '"') + "`"


def default(value: str) -> str:
    """Return a default: a number, a truth value, a plain string, or an expression."""
    if _NUMBER.match(value) or value.lower() in _WORDS:
        return value.lower()
    found = _STRING.match(value)
    return string(found[1].replace("''", "'")) if found else expression(value)


def settings(parts: list[str]) -> str:
    """Return settings in brackets with a blank before them; nothing for none."""
    return f" [{', '.join(parts)}]" if parts else ""
