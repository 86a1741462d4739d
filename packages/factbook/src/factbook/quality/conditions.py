"""From a check to the condition under which a row fails it. Null never fails, except where the check is about null.

A condition that is neither true nor false counts as holding no failure; engines agree on that for ``CASE WHEN``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from factbook.quality.dialects import MOMENTS, Dialect, Family, compile_pattern, dialect_for, family_of, moment_parameter
from factbook.quality.rules.model import (
    Accepted,
    Bound,
    Check,
    Invalid,
    Length,
    Missing,
    NotNull,
    Range,
    Regex,
    Rejected,
    Scalar,
)
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.schema_snapshot import Column

MARK = "\x00"
"""Stands for a parameter until the whole statement is known; no identifier and no rule may hold it."""


class Unfit(Exception):
    """The check cannot be put to this column; the message says why."""


class Piece(msgspec.Struct, frozen=True):
    """A part of a statement, its parameters marked by :data:`MARK`."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def statement(self, session: Session) -> tuple[str, tuple[Any, ...]]:
        """Return the text and parameters as the session takes them."""
        sql = self.sql.replace("%", "%%") if self.parameters and session.placeholder == "%s" else self.sql
        return sql.replace(MARK, session.placeholder), self.parameters


class Conditions:
    """The conditions of one table in one session. ``now`` is what relative bounds count from."""

    def __init__(self, session: Session, columns: Sequence[Column], now: datetime) -> None:
        self._session = session
        self._columns = {column.name: column for column in columns}
        self._dialect: Dialect = dialect_for(session.engine)
        self._now = now

    def column(self, name: str) -> str:
        """Return a column's quoted name; raises :class:`Unfit` if the scan saw none."""
        if name not in self._columns:
            near = next((known for known in self._columns if known.casefold() == name.casefold()), None)
            raise Unfit(f"the table has no column {name!r}" + (f"; it has {near!r}" if near else "") + ", as it was scanned last")
        return self._session.quote(name)

    def family(self, name: str) -> Family:
        self.column(name)
        return family_of(self._session.engine, self._columns[name])

    def failing(self, check: Check) -> Piece:
        """Return the condition under which a row fails; raises :class:`Unfit`."""
        if isinstance(check, NotNull):
            return Piece(f"{self.column(check.column)} IS NULL")
        if isinstance(check, Missing):
            listed = self._among(check.column, list(check.values), as_text=True)
            return Piece(f"({self.column(check.column)} IS NULL OR {listed.sql})", listed.parameters)
        if isinstance(check, Accepted):
            listed = self._among(check.column, check.values)
            return Piece(f"NOT {listed.sql}", listed.parameters)
        if isinstance(check, Rejected):
            return self._among(check.column, check.values)
        if isinstance(check, Range):
            return self._outside(check)
        if isinstance(check, Regex):
            found = self._matches(check.column, check.pattern)
            return Piece(f"NOT {found.sql}", found.parameters)
        if isinstance(check, Invalid):
            return self._invalid(check)
        if isinstance(check, Length):
            return self._length(check)
        raise Unfit(f"no condition says what a {type(check).__name__} is")

    def epoch(self, column: str, unit: str | None, where: str | None) -> Piece:
        """Return the newest value of a column in seconds since 1970."""
        quoted, family = self.column(column), self.family(column)
        chosen = f"CASE WHEN ({where}\n) THEN {quoted} END" if where else quoted
        if unit is not None:
            if family not in ("number", "other"):
                raise Unfit(f"epoch is for columns of numbers, and {column} is {self._columns[column].data_type}")
            return Piece(f"max({chosen}) / {_PER_SECOND[unit]}")
        if family not in MOMENTS and not (self._session.engine == "sqlite" and family in ("text", "other")):
            raise Unfit(f"{column} is {self._columns[column].data_type}, which holds no moments; numbers need epoch")
        if self._session.engine == "sqlite":
            return Piece(f"max({self._dialect.epoch.format(chosen)})")
        return Piece(self._dialect.epoch.format(f"max({chosen})"))

    def _among(self, column: str, values: Sequence[Scalar], *, as_text: bool = False) -> Piece:
        quoted, family = self.column(column), self.family(column)
        engine = self._session.engine
        if family == "number" and not as_text:
            subject, bound = quoted, [self._number(column, value) for value in values]
        elif family == "boolean" and not as_text:
            if not all(isinstance(value, bool) for value in values):
                raise Unfit(f"{column} is {self._columns[column].data_type}, and takes true and false")
            return Piece(f"({quoted} IN ({', '.join('TRUE' if value else 'FALSE' for value in values)}))")
        elif engine == "sqlite" and family == "other" and not as_text:
            subject, bound = quoted, [float(value) if isinstance(value, Decimal) else value for value in values]
        elif engine == "sqlite":
            subject = f"{quoted if family == 'text' else self._dialect.as_text.format(quoted)} COLLATE BINARY"
            bound = [_text(value) for value in values]
        else:
            subject, bound = self._dialect.exact.format(quoted), [_text(value) for value in values]
        return Piece(f"({subject} IN ({', '.join(MARK for _ in bound)}))", tuple(bound))

    def _number(self, column: str, value: Scalar) -> Any:
        if isinstance(value, bool) and self._session.engine in ("sqlite", "mysql"):
            return int(value)
        if isinstance(value, (bool, str)):
            raise Unfit(f"{column} is {self._columns[column].data_type}, and {value!r} is no number")
        return self._exact(value)

    def _exact(self, value: float) -> Any:
        """Return a number as it was written: 0.1 shall not become what a float makes of it, where the engine can be told."""
        if isinstance(value, int) or self._session.engine == "sqlite":
            return value
        return Decimal(repr(value))

    def _matches(self, column: str, pattern: str) -> Piece:
        if self._dialect.matches is None:
            raise Unfit(f"{self._session.engine} has no regular expressions that are known here")
        if self._session.engine == "sqlite":
            _check_pattern(pattern)
        text = self._dialect.as_text.format(self.column(column))
        return Piece(self._dialect.matches.replace("?", MARK).format(text), (pattern,))

    def _invalid(self, check: Invalid) -> Piece:
        parts: list[Piece] = []
        if check.values is not None:
            parts.append(self._among(check.column, check.values))
        if check.pattern is not None:
            parts.append(self._matches(check.column, check.pattern))
        return Piece(
            f"({self.column(check.column)} IS NOT NULL AND NOT ({' AND '.join(part.sql for part in parts)}))",
            tuple(parameter for part in parts for parameter in part.parameters),
        )

    def _length(self, check: Length) -> Piece:
        length = self._dialect.length.format(self._dialect.as_text.format(self.column(check.column)))
        ends = [(check.minimum, "<"), (check.maximum, ">")]
        return Piece(
            f"({' OR '.join(f'{length} {sign} {MARK}' for end, sign in ends if end is not None)})",
            tuple(end for end, _ in ends if end is not None),
        )

    def _outside(self, check: Range) -> Piece:
        quoted, family = self.column(check.column), self.family(check.column)
        is_sqlite = self._session.engine == "sqlite"
        bounds = [bound for bound in (check.lower, check.upper) if bound is not None]
        wants_numbers = all(bound.number is not None for bound in bounds)
        is_fit = family == "number" if wants_numbers else family in MOMENTS
        if not is_fit and not (is_sqlite and (family == "other" or (family == "text" and not wants_numbers))):
            kind = "numbers" if wants_numbers else "moments"
            raise Unfit(f"{check.column} is {self._columns[check.column].data_type}, and the range is of {kind}")
        # SQLite compares any value with any other by its type, and keeps moments as text: what cannot be compared lies outside.
        subject = f"strftime('%Y-%m-%d %H:%M:%f', {quoted})" if is_sqlite and not wants_numbers else quoted
        misfit = f"typeof({quoted}) NOT IN ('integer', 'real')" if wants_numbers else f"{subject} IS NULL"
        tests = [misfit] if is_sqlite else [self._not_a_number(check.column)] if wants_numbers and self._can_be_nan(check.column) else []
        parameters: list[Any] = []
        for bound, sign in (
            (check.lower, "<=" if check.lower_is_exclusive else "<"),
            (check.upper, ">=" if check.upper_is_exclusive else ">"),
        ):
            if bound is not None:
                tests.append(f"{subject} {sign} {MARK}")
                parameters.append(self._bound(bound, family))
        guard = f"{quoted} IS NOT NULL AND " if is_sqlite else ""
        return Piece(f"({guard}({' OR '.join(tests)}))", tuple(parameters))

    def _can_be_nan(self, column: str) -> bool:
        kinds = {"postgresql": ("double", "real", "numeric", "float"), "duckdb": ("double", "float", "real")}
        return self._columns[column].data_type.lower().startswith(kinds.get(self._session.engine, ()))

    def _not_a_number(self, column: str) -> str:
        """Return the test for what lies in no range; the engines sort it above every number."""
        return f"isnan({self.column(column)})" if self._session.engine == "duckdb" else f"{self.column(column)} = 'NaN'"

    def _bound(self, bound: Bound, family: Family) -> Any:
        if bound.number is not None:
            return self._exact(bound.number)
        return moment_parameter(self._session.engine, family, moment_of(bound, self._now))


def moment_of(bound: Bound, now: datetime) -> datetime:
    """Return the moment a bound means when it is ``now``; without a zone it is in UTC, and a date is its first moment."""
    if bound.anchor is not None:
        start = now if bound.anchor == "now" else datetime.combine(now.date(), time(), UTC)
        return start + timedelta(seconds=bound.seconds)
    moment = datetime.fromisoformat((bound.moment or "").replace(" Z", "Z"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _check_pattern(pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except ValueError as error:
        raise Unfit(f"{pattern!r} is no pattern of {dialect_for('sqlite').pattern_syntax}") from error


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_PER_SECOND = {"seconds": "1.0", "milliseconds": "1000.0", "microseconds": "1000000.0"}
