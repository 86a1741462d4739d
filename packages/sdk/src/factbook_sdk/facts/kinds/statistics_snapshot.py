"""``statistics_snapshot``: what was measured of one table's data. Target: the table.

Every measurement is kept: that a table still had a million rows yesterday is a fact of yesterday.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.parts import Count, Moment, Name, Seconds, Share, Window
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="statistics_snapshot",
    category=Category.EVENT,
    description="Rows, sizes and per-column statistics of one table, measured or estimated.",
    schemas=load_schemas(__package__, "statistics_snapshot"),
    indexed=(
        "context.run_id",
        "payload.row_count",
        "payload.window.end",
        "payload.window.start",
    ),
)

NotNegative = Annotated[float, Meta(ge=0)]
Value = str | int | float | bool | None
"""A value of a column as JSON can carry it; what it cannot is text as the engine prints it."""

Origin = Literal["exact", "sampled", "engine"]
"""Whether rows were all counted, or some of them, or the engine's own statistics were taken."""


class Quantile(msgspec.Struct, frozen=True):
    """The value below which a share of all rows lies."""

    share: Share
    value: Value


class Frequency(msgspec.Struct, frozen=True):
    """How often a value was seen."""

    value: Value
    count: Count


class Bin(msgspec.Struct, frozen=True):
    """A bar of a histogram: ``lower <= value < upper``, the last one with its upper bound. Of moments: seconds since 1970 in UTC."""

    lower: float
    upper: float
    count: Count


class PatternCount(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many values of a column look like an e-mail address, a UUID …, and what share that is of those that are neither null nor empty.

    With ``checked`` that many values were drawn at random and counted; without it all were.
    """

    pattern: Name
    count: Count
    share: Share
    checked: Count | None = None


class Suggestion(msgspec.Struct, frozen=True):
    """What a column probably holds, by its name and its values' looks. A suggestion: nothing follows from it until somebody says so."""

    classification: Name
    confidence: Share
    reason: Name


class ColumnStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column. Lengths are in characters (of binary columns in bytes). Minimum and maximum go by the type's order; texts by code point.

    Counts are of the rows that were read; where ``origin`` is not ``exact`` they stand for the table only as shares. ``distinct_count``
    is of the table; where it is estimated, it lies between ``distinct_low`` and ``distinct_high``, ``distinct_error`` is the largest
    relative error that leaves room for, and ``distinct_method`` says how it came about. Margins are half the width of a confidence
    interval of 95 %. A figure that is missing was not measured; ``skipped`` says why.
    """

    name: Name
    data_type: str | None = None
    origin: Origin | None = None
    """Only where it differs from the table's."""
    distribution_origin: Origin | None = None
    """Of distinct values, quantiles, histogram, frequent values and patterns, where it differs from that of the other figures."""
    is_sensitive: bool = False
    skipped: str | None = None
    null_count: Count | None = None
    null_share: Share | None = None
    null_share_margin: NotNegative | None = None
    distinct_count: Count | None = None
    distinct_is_estimate: bool = False
    distinct_method: Name | None = None
    distinct_error: NotNegative | None = None
    distinct_low: Count | None = None
    distinct_high: Count | None = None
    is_constant: bool | None = None
    is_unique: bool | None = None
    is_key_candidate: bool | None = None
    minimum: Value = None
    maximum: Value = None
    mean: float | None = None
    mean_margin: NotNegative | None = None
    deviation: float | None = None
    total: float | None = None
    minimum_length: Count | None = None
    maximum_length: Count | None = None
    mean_length: float | None = None
    zero_count: Count | None = None
    negative_count: Count | None = None
    empty_count: Count | None = None
    not_finite_count: Count | None = None
    """NaN and infinities. Where there are any, there is no mean."""
    quantiles: list[Quantile] = []
    frequent: list[Frequency] = []
    histogram: list[Bin] = []
    patterns: list[PatternCount] = []
    suggestions: list[Suggestion] = []


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """What part of the rows was read, and how it was chosen."""

    method: Name
    rows: Count
    share: Share | None = None


class Freshness(msgspec.Struct, frozen=True, omit_defaults=True):
    """How new the data is. ``method`` is ``column`` (the largest value of ``column``) or ``engine`` (the engine's own note of a change)."""

    method: Literal["column", "engine"]
    latest: Moment
    column: Name | None = None


class UserMetric(msgspec.Struct, frozen=True, omit_defaults=True):
    """A figure that somebody defined in SQL. ``statement_digest`` is BLAKE2b-128 of its text, so that a changed definition shows.

    ``failure`` stands in place of a value where the statement was refused.
    """

    name: Name
    statement_digest: Name
    value: Value = None
    unit: str | None = None
    failure: str | None = None


class Bill(msgspec.Struct, frozen=True):
    """What the measurement cost the source: rows and bytes that were read from it, statements it ran, seconds it took altogether."""

    rows_read: Count
    bytes_read: Count
    statements: Count
    seconds: Seconds


class StatisticsSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``origin`` says whether rows were counted, sampled, or the engine's own estimate was taken.

    ``row_count`` is never scaled up from a sample: where not all rows were read it is the engine's word, and ``row_count_is_estimate``.
    ``engine_statistics_at`` is how old the engine's own statistics are, where they were used.
    """

    origin: Origin
    row_count: Count | None = None
    row_count_is_estimate: bool = False
    size_bytes: Count | None = None
    columns: list[ColumnStatistics] = []
    sample: Sample | None = None
    window: Window | None = None
    filter: str | None = None
    duration_seconds: Seconds | None = None
    freshness: Freshness | None = None
    engine_statistics_at: Moment | None = None
    skipped: str | None = None
    """Why less was measured than asked for."""
    metrics: list[UserMetric] = []
    bill: Bill | None = None


_HARMLESS = frozenset(
    {
        "name",
        "data_type",
        "is_sensitive",
        "null_count",
        "null_share",
        "distinct_count",
        "distinct_is_estimate",
        "minimum_length",
        "maximum_length",
        "mean_length",
        "zero_count",
        "negative_count",
        "empty_count",
    }
)
"""What of a column's statistics tells no value of the column. What is not named here is taken away, so that a new field is not shown
before somebody thought of it."""

_WITHHELD = "not shown: the table has sensitive columns"


def without_values(payload: dict[str, Any], sensitive: Sensitive) -> dict[str, Any]:
    """Return a payload without the values of sensitive columns; the same object if it had none.

    Counts and lengths stay. Of the freshness nothing stays where it is the largest value of such a column. Of a metric its name and its
    statement's digest stay: which columns its value comes from only its text could tell, so that one sensitive column is enough.
    Where a column is sensitive because of another one, ``skipped`` says so.
    """
    if not sensitive:
        return payload
    bared = dict(payload)
    if "columns" in payload:
        bared["columns"] = [_bare(column, sensitive) if sensitive.covers(column["name"]) else column for column in payload["columns"]]
    freshness = payload.get("freshness")
    if freshness is not None and freshness["method"] == "column" and ("column" not in freshness or sensitive.covers(freshness["column"])):
        del bared["freshness"]
    if "metrics" in payload:
        bared["metrics"] = [_unsaid(metric) for metric in payload["metrics"]]
    return payload if bared == payload else bared


def _bare(column: dict[str, Any], sensitive: Sensitive) -> dict[str, Any]:
    if not column.keys() - _HARMLESS - {"skipped"}:
        return column
    why = sensitive.because.get(column["name"])
    said = {} if why is None else {"skipped": f"sensitive ({why}): its values are not shown"}
    return {name: value for name, value in column.items() if name in _HARMLESS} | said


def _unsaid(metric: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metric.items() if name not in ("value", "failure")} | {"failure": _WITHHELD}
