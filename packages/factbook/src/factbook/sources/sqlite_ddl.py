"""What only the text of SQLite's CREATE statements says: checks, names of constraints, collations, generated and partial expressions.

SQLite's pragmas give the rest. This is a reader of the grammar's outline (tokens, parentheses and keywords), not a parser of SQL: an
expression is returned as it was written, its white space and comments folded, so that reformatting a statement changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))
  | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
  | (?P<text>[xX]?'(?:[^']|'')*')
  | (?P<word>[^\W\d][\w$]*)
  | (?P<number>\d[\w.]*|\.\d[\w.]*)
  | (?P<sign>->>|->|\|\||<<|>>|<=|>=|==|!=|<>|.)
    """,
    re.X | re.S,
)
_TIGHT_AFTER = {"(", ".", ""}
_TIGHT_BEFORE = {")", ",", ".", "("}
_TABLE_CONSTRAINTS = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}


class Token(msgspec.Struct, frozen=True):
    """``text`` as written; ``key`` is a bare word in upper case, else empty."""

    kind: str
    text: str

    @property
    def key(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


class NamedConstraint(msgspec.Struct, frozen=True):
    """A constraint as the text has it. ``expression`` is a check's condition; ``deferred`` says DEFERRABLE INITIALLY DEFERRED."""

    type: str
    name: str | None
    columns: tuple[str, ...]
    expression: str | None = None
    deferred: bool = False
    conflict: str | None = None


class TableText(msgspec.Struct, frozen=True):
    """What the text of CREATE TABLE adds. Maps are from column name in lower case, as SQLite compares names."""

    constraints: list[NamedConstraint]
    collations: dict[str, str]
    generated: dict[str, str]
    autoincrement: bool


def read_table(sql: str) -> TableText:
    """Read CREATE TABLE; a text without a parenthesised body (CREATE VIRTUAL TABLE …) adds nothing."""
    tokens = _tokens(sql)
    text = TableText([], {}, {}, any(token.key == "AUTOINCREMENT" for token in tokens))
    if any(token.key == "VIRTUAL" for token in tokens[:2]):
        return text
    start = next((place for place, token in enumerate(tokens) if token.text == "("), None)
    if start is None:
        return text
    for item in _split(tokens[start + 1 : _closing(tokens, start)]):
        if item and item[0].key in _TABLE_CONSTRAINTS:
            _read_table_constraint(item, text)
        elif item:
            _read_column(item, text)
    return text


def read_index(sql: str) -> tuple[list[str], str | None]:
    """Return the parts of CREATE INDEX as written, without direction, and the condition of a partial index."""
    tokens = _tokens(sql)
    on = next(place for place, token in enumerate(tokens) if token.key == "ON")
    start = next(place for place in range(on, len(tokens)) if tokens[place].text == "(")
    end = _closing(tokens, start)
    parts = [_render(_without_order(item)) for item in _split(tokens[start + 1 : end])]
    where = tokens[end + 1 :]
    return parts, _render(where[1:]) if where and where[0].key == "WHERE" else None


def read_view(sql: str) -> str:
    """Return the query of CREATE VIEW as written."""
    match = re.search(r"\bAS\b\s*(.*)$", sql, re.I | re.S)
    return match[1].strip().rstrip(";").rstrip() if match else sql


def _tokens(sql: str) -> list[Token]:
    return [Token(match.lastgroup or "sign", match[0]) for match in _TOKEN.finditer(sql) if match.lastgroup != "space"]


def _closing(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for place in range(start, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place
    return len(tokens)


def _split(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the items between commas outside parentheses."""
    item: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            yield item
            item = []
        else:
            item.append(token)
    yield item


def _render(tokens: Sequence[Token]) -> str:
    """Write tokens back with single spaces where words would run together."""
    text = ""
    previous = ""
    for token in tokens:
        tight = previous in _TIGHT_AFTER or token.text in _TIGHT_BEFORE - {"("} or (token.text == "(" and previous not in (",", "="))
        text += token.text if tight else f" {token.text}"
        previous = token.text
    return text


def _without_order(tokens: list[Token]) -> list[Token]:
    return tokens[:-1] if tokens and tokens[-1].key in ("ASC", "DESC") else tokens


def unquote(token: Token) -> str:
    """Return the name a token stands for."""
    if token.kind not in ("name", "text"):
        return token.text
    quote = token.text[-1]
    return token.text[1:-1] if quote == "]" else token.text[1:-1].replace(quote * 2, quote)


def _read_table_constraint(item: list[Token], text: TableText) -> None:
    name, rest = _constraint_name(item)
    if not rest:
        return
    key = rest[0].key
    opening = next((place for place, token in enumerate(rest) if token.text == "("), len(rest))
    inside = rest[opening + 1 : _closing(rest, opening)] if opening < len(rest) else []
    if key == "CHECK":
        text.constraints.append(NamedConstraint("check", name, (), _render(inside)))
        return
    kind = {"PRIMARY": "primary_key", "UNIQUE": "unique", "FOREIGN": "foreign_key"}.get(key)
    if kind is not None:
        columns = tuple(unquote(part[0]) for part in _split(inside) if part)
        text.constraints.append(NamedConstraint(kind, name, columns, None, _is_deferred(rest), _conflict(rest)))


def _constraint_name(item: list[Token]) -> tuple[str | None, list[Token]]:
    if len(item) > 1 and item[0].key == "CONSTRAINT":
        return unquote(item[1]), item[2:]
    return None, item


def _read_column(item: list[Token], text: TableText) -> None:
    column = unquote(item[0])
    name: str | None = None
    place = 1
    while place < len(item):
        key = item[place].key
        if item[place].text == "(":
            place = _closing(item, place)
        elif key == "CONSTRAINT" and place + 1 < len(item):
            name = unquote(item[place + 1])
            place += 1
        elif key == "COLLATE" and place + 1 < len(item):
            text.collations[column.lower()] = unquote(item[place + 1])
            place += 1
        elif key == "CHECK" and place + 1 < len(item):
            end = _closing(item, place + 1)
            text.constraints.append(NamedConstraint("check", name, (column,), _render(item[place + 2 : end])))
            name, place = None, end
        elif key == "AS" and place + 1 < len(item) and item[place + 1].text == "(":
            end = _closing(item, place + 1)
            text.generated[column.lower()] = _render(item[place + 2 : end])
            name, place = None, end
        elif key in ("PRIMARY", "UNIQUE", "REFERENCES"):
            kind = {"PRIMARY": "primary_key", "UNIQUE": "unique", "REFERENCES": "foreign_key"}[key]
            deferred = key == "REFERENCES" and _is_deferred(item[place:])
            text.constraints.append(NamedConstraint(kind, name, (column,), None, deferred, _conflict(item[place:])))
            name = None
        elif key in ("NOT", "DEFAULT"):
            name = None
        place += 1


def _is_deferred(tokens: Sequence[Token]) -> bool:
    keys = [token.key for token in tokens]
    return "INITIALLY" in keys and keys[keys.index("INITIALLY") + 1 :][:1] == ["DEFERRED"]


def _conflict(tokens: Sequence[Token]) -> str | None:
    keys = [token.key for token in tokens]
    return keys[keys.index("CONFLICT") + 1] if "CONFLICT" in keys[:-1] else None
