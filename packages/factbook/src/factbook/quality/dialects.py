"""What the engines say differently: one small table an engine, and the families their types belong to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from factbook_sdk.facts.kinds.schema_snapshot import Column

Family = Literal["number", "text", "boolean", "date", "timestamp", "timestamptz", "other"]
MOMENTS: tuple[Family, ...] = ("date", "timestamp", "timestamptz")

_NUMBER = re.compile(
    r"(u?(tiny|small|medium|big|huge)?int(eger)?\d?|(small|big)?serial|dec(imal)?|numeric|real|float\d?|double( precision)?|year)\b"
)
_TEXT = re.compile(r"(national )?(character|n?varchar|n?char|bpchar|(tiny|medium|long)?text|name|citext|string|clob)\b")
_ZONED = re.compile(r"timestamptz|timestamp.*with time zone")


class Dialect(msgspec.Struct, frozen=True):
    """How an engine says what a check needs. Templates take the expression as ``{}``; ``?`` stands for a parameter.

    ``exact`` makes a text compare byte by byte, whatever the column's collation says. ``epoch`` turns a moment into seconds since 1970.
    ``per_statement`` bounds the expressions of one statement.
    """

    as_text: str
    exact: str
    length: str
    epoch: str
    matches: str | None
    pattern_syntax: str
    zoned_moments: bool = False
    per_statement: int = 400


_POSTGRES = Dialect(
    as_text="CAST({} AS text)",
    exact="CAST({} AS text)",
    length="char_length({})",
    epoch="extract(epoch FROM {})",
    matches="({} ~ ?)",
    pattern_syntax="PostgreSQL's advanced regular expressions",
    zoned_moments=True,
)
_MYSQL = Dialect(
    as_text="CONVERT(CAST({} AS CHAR) USING utf8mb4)",
    exact="CAST(CONVERT(CAST({} AS CHAR) USING utf8mb4) AS BINARY)",
    length="CHAR_LENGTH({})",
    epoch="(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {}) / 1000000)",
    matches="({} COLLATE utf8mb4_bin REGEXP ?)",
    pattern_syntax="the server's own (PCRE2 in MariaDB, ICU in MySQL)",
)
_SQLITE = Dialect(
    as_text="CAST({} AS TEXT)",
    exact="{} COLLATE BINARY",
    length="length({})",
    epoch="((julianday({}) - 2440587.5) * 86400.0)",
    matches="factbook_matches(?, {})",
    pattern_syntax="Rust's regex crate (SQLite has none of its own): no look-around, no back-references, time linear in the text",
)
_DUCKDB = Dialect(
    as_text="CAST({} AS VARCHAR)",
    exact="CAST({} AS VARCHAR)",
    length="length({})",
    epoch="epoch({})",
    matches="regexp_matches({}, ?)",
    pattern_syntax="RE2",
    zoned_moments=True,
)
_STANDARD = Dialect(
    as_text="CAST({} AS VARCHAR(4000))",
    exact="{}",
    length="char_length({})",
    epoch="extract(epoch FROM {})",
    matches=None,
    pattern_syntax="none",
)
_BY_ENGINE = {"postgresql": _POSTGRES, "mysql": _MYSQL, "sqlite": _SQLITE, "duckdb": _DUCKDB}


def dialect_for(engine: str) -> Dialect:
    """Return an engine's dialect; one nobody knows gets what the standard says, without regular expressions."""
    return _BY_ENGINE.get(engine, _STANDARD)


def family_of(engine: str, column: Column) -> Family:
    """Return what kind of values a column holds by its type. In SQLite that is what its declaration says; a value may be another one."""
    domain = column.domain.base_type if column.domain is not None else None
    kind = (domain or column.data_type).lower().strip()
    if engine == "sqlite":
        return _sqlite_family(kind)
    if "[" in kind:
        return "other"
    if _ZONED.match(kind) or (engine == "mysql" and kind.startswith("timestamp")):
        return "timestamptz"
    if kind.startswith(("timestamp", "datetime")):
        return "timestamp"
    if kind == "date":
        return "date"
    if kind.startswith("bool"):
        return "boolean"
    if _NUMBER.match(kind):
        return "number"
    is_text = _TEXT.match(kind) or (engine == "mysql" and kind.startswith(("enum", "set(")))
    return "text" if is_text else "other"


def _sqlite_family(kind: str) -> Family:
    if "date" in kind or "timestamp" in kind:
        return "date" if kind == "date" else "timestamp"
    if "int" in kind or any(part in kind for part in ("real", "floa", "doub", "num", "dec", "bool")):
        return "number"
    return "text" if any(part in kind for part in ("char", "clob", "text")) else "other"


def moment_parameter(engine: str, family: Family, moment: datetime) -> Any:
    """Return a moment as it is bound for comparison with a column of a family."""
    if engine == "sqlite":
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03}"
    if family == "timestamptz" and dialect_for(engine).zoned_moments:
        return moment.astimezone(UTC)
    return moment.astimezone(UTC).replace(tzinfo=None)


def prepare(session: Any) -> None:
    """Give a session of SQLite the function that looks for patterns."""
    if session.engine == "sqlite":
        session.connection.create_function("factbook_matches", 2, _matcher(), deterministic=True)


def _matcher() -> Callable[[str, Any], bool | None]:
    known: dict[str, Any] = {}

    def matches(pattern: str, text: Any) -> bool | None:
        if text is None:
            return None
        finder = known.get(pattern)
        if finder is None:
            finder = known[pattern] = compile_pattern(pattern)
        return bool(finder(text))

    return matches


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return what finds a pattern in a text, in time linear in the text whatever the pattern; raises :class:`ValueError`.

    Python's own expressions may take for ever, hold every other thread meanwhile, and cannot be stopped.
    """
    import jsonschema_rs

    from factbook_sdk.facts.registry import compiled

    options = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES)
    find: Callable[[str], bool] = compiled({"pattern": pattern}, pattern_options=options).is_valid
    return find


_PATTERN_BYTES = 10_485_760
