"""What a rule is: a check that gives one number, what that number must be, and who wants it.

Every check measures rows, seconds or a number of its own; an :class:`Expectation` judges it. So a rule of ours ("at most 1 % of rows are
null") and one of a contract ("nullValues mustBeLessThan 5 percent") are the same thing.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from factbook_sdk.facts.kinds.quality_result import Dimension, RuleSeverity

Scalar = str | int | float | bool
Unit = Literal["rows", "share", "percent", "seconds", "number"]


class Expectation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the measured number must be; all that is given must hold. ``lower`` and ``upper`` belong to the allowed range unless they are
    exclusive; with ``is_outside`` the number must lie anywhere but between them."""

    unit: Unit = "rows"
    lower: float | None = None
    upper: float | None = None
    lower_is_exclusive: bool = False
    upper_is_exclusive: bool = False
    unequal: float | None = None
    is_outside: bool = False

    def holds(self, number: float) -> bool:
        """Return whether a number is as expected."""
        above = self.lower is None or (number > self.lower if self.lower_is_exclusive else number >= self.lower)
        below = self.upper is None or (number < self.upper if self.upper_is_exclusive else number <= self.upper)
        is_between = above and below
        return (not is_between if self.is_outside else is_between) and (self.unequal is None or number != self.unequal)

    def __str__(self) -> str:
        if self.unit == "share":
            return str(msgspec.structs.replace(self, unit="percent", lower=_percent(self.lower), upper=_percent(self.upper)))
        if self.unequal is not None:
            return f"not {_number(self.unequal)}{_UNITS[self.unit]}"
        if self.lower is not None and self.lower == self.upper:
            return f"{_number(self.lower)}{_UNITS[self.unit]}"
        parts = [
            f"{'more than' if self.lower_is_exclusive else 'at least'} {_number(self.lower)}" if self.lower is not None else "",
            f"{'less than' if self.upper_is_exclusive else 'at most'} {_number(self.upper)}" if self.upper is not None else "",
        ]
        text = " and ".join(part for part in parts if part) + _UNITS[self.unit]
        return f"not ({text})" if self.is_outside else text


_UNITS: dict[str, str] = {"rows": " rows", "percent": " % of the rows", "seconds": " s", "number": ""}


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


NO_ROWS = Expectation(upper=0)


class Bound(msgspec.Struct, frozen=True, omit_defaults=True):
    """One end of a range: a ``number``, a ``moment`` (ISO 8601), or ``seconds`` from ``now`` or ``today`` (UTC, when the rule runs)."""

    number: float | int | None = None
    moment: str | None = None
    anchor: Literal["now", "today"] | None = None
    seconds: float = 0
    text: str = ""


class NotNull(msgspec.Struct, frozen=True, tag="not_null"):
    """Every row has a value."""

    column: str


class Missing(msgspec.Struct, frozen=True, tag="missing"):
    """Null, or one of some texts that stand for nothing."""

    column: str
    values: list[str]


class Accepted(msgspec.Struct, frozen=True, tag="accepted_values"):
    """Null, or one of the values."""

    column: str
    values: list[Scalar]


class Rejected(msgspec.Struct, frozen=True, tag="rejected_values"):
    """Null, or none of the values."""

    column: str
    values: list[Scalar]


class Range(msgspec.Struct, frozen=True, tag="range"):
    """``lower <= value <= upper``, ends left out where they are exclusive."""

    column: str
    lower: Bound | None = None
    upper: Bound | None = None
    lower_is_exclusive: bool = False
    upper_is_exclusive: bool = False


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """The pattern is found in the text, in the dialect of the engine; anchors make it match the whole."""

    column: str
    pattern: str


class Invalid(msgspec.Struct, frozen=True, tag="invalid"):
    """Not null, and none of the values or not like the pattern: what contracts call invalid."""

    column: str
    values: list[Scalar] | None = None
    pattern: str | None = None


class Length(msgspec.Struct, frozen=True, tag="length"):
    """Characters of the text; both ends are allowed."""

    column: str
    minimum: int | None = None
    maximum: int | None = None


class Unique(msgspec.Struct, frozen=True, tag="unique"):
    """No two rows have the same values in all of the columns; rows with a null in one of them do not count."""

    columns: list[str]


class ForeignKey(msgspec.Struct, frozen=True, tag="foreign_key"):
    """``table`` is ``schema.table``, or a table in the same schema; without one, the declared key on the columns is meant."""

    columns: list[str]
    table: str | None = None
    their_columns: list[str] = []


class Freshness(msgspec.Struct, frozen=True, tag="freshness"):
    """Seconds since the newest value of the column. ``epoch`` says what the column's numbers count, where it holds numbers."""

    column: str
    epoch: Literal["seconds", "milliseconds", "microseconds"] | None = None


class RowCount(msgspec.Struct, frozen=True, tag="row_count"):
    """Rows; with ``change`` they may differ by that share from the last time."""

    change: float | None = None


class Sql(msgspec.Struct, frozen=True, tag="sql"):
    """A query: its rows are failures, or (``is_number``) its one number is judged. ``${table}`` and ``${column}`` are quoted names."""

    query: str
    is_number: bool = False
    column: str | None = None


class ColumnExists(msgspec.Struct, frozen=True, tag="column_exists"):
    """The last scan saw the column."""

    column: str


class ColumnType(msgspec.Struct, frozen=True, tag="column_type"):
    """The type as the scan found it is like ``data_type``, a pattern with ``*``; case does not count."""

    column: str
    data_type: str


class Unjudged(msgspec.Struct, frozen=True, tag="unjudged"):
    """What stands in a contract and cannot be judged here. ``check`` is what the contract calls it."""

    check: str
    reason: str
    columns: list[str] = []


Check = (
    NotNull
    | Missing
    | Accepted
    | Rejected
    | Range
    | Regex
    | Invalid
    | Length
    | Unique
    | ForeignKey
    | Freshness
    | RowCount
    | Sql
    | ColumnExists
    | ColumnType
    | Unjudged
)

DIMENSIONS: dict[type[Any], Dimension] = {
    NotNull: "completeness",
    Missing: "completeness",
    Accepted: "validity",
    Rejected: "validity",
    Range: "validity",
    Regex: "validity",
    Invalid: "validity",
    Length: "validity",
    Unique: "uniqueness",
    ForeignKey: "consistency",
    Freshness: "timeliness",
    RowCount: "volume",
    Sql: "accuracy",
    ColumnExists: "consistency",
    ColumnType: "consistency",
    Unjudged: "accuracy",
}


def check_name(check: Check) -> str:
    """Return what a check is called in results."""
    return check.check if isinstance(check, Unjudged) else str(type(check).__struct_config__.tag)


def columns_of(check: Check) -> list[str]:
    """Return the columns a check is about."""
    if isinstance(check, (Unique, ForeignKey, Unjudged)):
        return check.columns
    column = getattr(check, "column", None)
    return [] if column is None else [column]


class Rule(msgspec.Struct, frozen=True):
    """One rule. ``source`` and ``table`` (``schema.table``) are patterns with ``*`` and ``?``; without ``table`` it is about the source.

    ``where`` restricts the rows that are checked. ``line`` is where the rule stands in its file.
    """

    id: str
    check: Check
    expect: Expectation = NO_ROWS
    dimension: Dimension = "validity"
    severity: RuleSeverity = "error"
    source: str = "*"
    table: str | None = None
    where: str | None = None
    tags: list[str] = []
    owner: str | None = None
    description: str | None = None
    line: int = 0

    @property
    def has_sql(self) -> bool:
        """Whether running the rule runs SQL that its author wrote."""
        return isinstance(self.check, Sql) or self.where is not None

    def is_about(self, source_id: str) -> bool:
        return fnmatchcase(source_id, self.source)


class Promise(msgspec.Struct, frozen=True):
    """A level that was promised: at least a share of ``completeness`` or ``accuracy``, at most an age in seconds for ``freshness``.

    Completeness of ``columns``, or else what the rules of that dimension measured; freshness of ``column``, or else what a freshness
    rule measured.
    """

    objective: Literal["completeness", "accuracy", "freshness"]
    level: float
    source: str = "*"
    table: str | None = None
    columns: list[str] = []
    column: str | None = None
    name: str | None = None
    contract_id: str | None = None

    def is_about(self, source_id: str) -> bool:
        return fnmatchcase(source_id, self.source)


class RuleSet(msgspec.Struct, frozen=True):
    """The rules of one file. ``form`` says what kind of file it is; ``source`` is the source it names, if it names one."""

    name: str
    form: Literal["rules", "odcs"]
    rules: list[Rule]
    promises: list[Promise] = []
    source: str | None = None
