"""``statistics_snapshot``: what was measured of one table's data. Target: the table.

Every measurement is kept: that a table still had a million rows yesterday is a fact of yesterday.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Count, Name, Seconds, Share, Window
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

Value = str | int | float | bool | None
"""A value of a column as JSON can carry it; what it cannot is text as the engine prints it."""


class Quantile(msgspec.Struct, frozen=True):
    """The value below which a share of all rows lies."""

    share: Share
    value: Value


class Frequency(msgspec.Struct, frozen=True):
    """How often a value was seen."""

    value: Value
    count: Count


class Bin(msgspec.Struct, frozen=True):
    """A bar of a histogram: ``lower <= value < upper``, the last one with its upper bound."""

    lower: float
    upper: float
    count: Count


class ColumnStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column. Lengths are in characters; ``distinct_count`` may be estimated and then says so."""

    name: Name
    null_count: Count | None = None
    distinct_count: Count | None = None
    distinct_is_estimate: bool = False
    minimum: Value = None
    maximum: Value = None
    mean: float | None = None
    deviation: float | None = None
    total: float | None = None
    minimum_length: Count | None = None
    maximum_length: Count | None = None
    mean_length: float | None = None
    zero_count: Count | None = None
    negative_count: Count | None = None
    empty_count: Count | None = None
    quantiles: list[Quantile] = []
    frequent: list[Frequency] = []
    histogram: list[Bin] = []


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """What part of the rows was read, and how it was chosen."""

    method: Name
    rows: Count
    share: Share | None = None


class StatisticsSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``origin`` says whether rows were counted, sampled, or the engine's own estimate was taken."""

    origin: Literal["exact", "sampled", "engine"]
    row_count: Count | None = None
    size_bytes: Count | None = None
    columns: list[ColumnStatistics] = []
    sample: Sample | None = None
    window: Window | None = None
    filter: str | None = None
    duration_seconds: Seconds | None = None
