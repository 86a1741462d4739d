"""What is merged from measured parts is what the whole gives when it is measured."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import duckdb
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from factbook.errors import InvalidRequest
from factbook.profile.computing import measure
from factbook.profile.feeding import Brought
from factbook.profile.merging import merge
from factbook.profile.model import ColumnPlan
from factbook_sdk.facts.kinds.statistics_snapshot import Bin, ColumnStatistics, Frequency, Freshness, StatisticsSnapshot
from factbook_sdk.facts.parts import Window

PLANS = [
    ColumnPlan("c0", "whole", "integer", "integer"),
    ColumnPlan("c1", "exact", "numeric(12,2)", "decimal", precision=12, scale=2),
    ColumnPlan("c2", "float", "double precision", "float"),
    ColumnPlan("c3", "text", "text", "text"),
    ColumnPlan("c4", "day", "date", "date"),
    ColumnPlan("c5", "flag", "boolean", "boolean"),
    ColumnPlan("c6", "other", "jsonb", "other"),
]
TYPES = ["BIGINT", "DECIMAL(12,2)", "DOUBLE", "VARCHAR", "DATE", "BOOLEAN", "VARCHAR"]
NOT_COMPARED = {"skipped", "quantiles", "distinct_low", "distinct_high"}
MAY_LACK = ("distinct_count", "distinct_method", "is_constant", "is_unique", "is_key_candidate", "frequent", "histogram")

ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-3, 12) | st.integers(-(2**40), 2**40),
        st.none() | st.decimals(-1000, 1000, places=2),
        st.none() | st.sampled_from([0.0, 1.5, -2.25, 1e6, 3.0]) | st.floats(-1e6, 1e6, width=32),
        st.none() | st.sampled_from(["", "a", "b@example.com", "2020-01-01", "ü", "B"]),
        st.none() | st.dates(date(1999, 12, 1), date(2000, 2, 1)),
        st.none() | st.booleans(),
        st.none() | st.sampled_from(["{}", "[1]"]),
        st.integers(0, 2),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        yield connection


def measured(connection, rows):
    connection.execute(f"CREATE OR REPLACE TABLE t ({', '.join(f'c{place} {kind}' for place, kind in enumerate(TYPES))})")
    if rows:
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(TYPES))})", [row[: len(TYPES)] for row in rows])
    brought = Brought("t", lambda statement: connection.execute(statement).fetchall(), len(rows), 0, 1)
    return StatisticsSnapshot(origin="exact", row_count=len(rows), columns=measure(brought, PLANS, rows_of_table=len(rows)))


def assert_same(merged, whole, may_lack=()):
    """Compare figure by figure; sums of numbers that cancel out are as exact as the largest of them allows."""
    is_number = whole.zero_count is not None and whole.minimum is not None
    scale = max(1.0, abs(float(whole.minimum)), abs(float(whole.maximum))) if is_number else 1.0
    for name in ColumnStatistics.__struct_fields__:
        ours, theirs = getattr(merged, name), getattr(whole, name)
        if name in NOT_COMPARED or (name in may_lack and ours in (None, [])):
            continue
        if isinstance(ours, float) and isinstance(theirs, float):
            assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-10 * scale), (whole.name, name, ours, theirs)
        else:
            assert ours == theirs, (whole.name, name, ours, theirs)


# What a failing example says is plain without being made smaller, which takes minutes.
@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(ROWS)
def test_merging_parts_equals_measuring_the_whole(connection, rows):
    parts = [measured(connection, [row for row in rows if row[-1] == number]) for number in range(3)]
    whole = measured(connection, rows)
    merged = merge(parts)
    assert merged.row_count == whole.row_count
    for ours, theirs in zip(merged.columns, whole.columns, strict=True):
        if ours.distinct_low is None:
            nothing_known = theirs.null_count == whole.row_count
            assert_same(ours, theirs, may_lack=("histogram", "frequent", "is_key_candidate", *(MAY_LACK if nothing_known else ())))
        else:
            assert ours.distinct_low <= theirs.distinct_count <= ours.distinct_high
            assert ours.distinct_count is None
            assert_same(msgspec.structs.replace(ours, distinct_method=None), theirs, may_lack=MAY_LACK)


def test_parts_that_lie_apart_have_their_distinct_values_counted(connection):
    day = date(2000, 1, 1)
    rows = [(n, Decimal(n), float(n), f"n{n:03d}", day + timedelta(n), None, None, n // 34) for n in range(100)]
    merged, whole = merge([measured(connection, [row for row in rows if row[-1] == part]) for part in range(3)]), measured(connection, rows)
    for name in ("whole", "exact", "float", "text", "day"):
        ours, theirs = (next(item for item in found.columns if item.name == name) for found in (merged, whole))
        assert (ours.distinct_count, ours.is_unique, ours.is_key_candidate) == (100, theirs.is_unique, theirs.is_key_candidate)


def test_what_cannot_follow_from_parts_is_left_out_with_the_reason(connection):
    rows = [(number * 7919 % 1000, None, None, None, None, None, None, number % 2) for number in range(400)]
    merged = merge([measured(connection, [row for row in rows if row[-1] == part]) for part in range(2)])
    assert merged.columns[0].skipped == "merged from parts without histogram, quantiles"
    assert (merged.columns[0].quantiles, merged.columns[0].histogram) == ([], [])
    assert merged.columns[0].distinct_low <= 400 <= merged.columns[0].distinct_high


def column(**figures):
    return ColumnStatistics("c", null_count=0, distinct_count=figures.pop("distinct_count", 5), **figures)


def part(rows, **figures):
    return StatisticsSnapshot("exact", row_count=rows, columns=[column(**figures)])


def test_histograms_are_added_where_their_bounds_are_equal_and_only_there():
    bars = [Bin(0.0, 2.5, 1), Bin(2.5, 5.0, 4)]
    same = merge([part(5, histogram=bars, zero_count=0), part(5, histogram=bars, zero_count=0)]).columns[0]
    assert same.histogram == [Bin(0.0, 2.5, 2), Bin(2.5, 5.0, 8)]
    other = merge([part(5, histogram=bars, zero_count=0), part(5, histogram=[Bin(0.0, 5.0, 5)], zero_count=0)]).columns[0]
    assert other.histogram == []
    assert "histogram" in other.skipped


def test_frequent_values_are_added_only_where_every_part_tells_all_of_its_own():
    complete = {"distinct_count": 2, "empty_count": 0, "frequent": [Frequency("a", 3), Frequency("b", 2)]}
    merged = merge([part(5, **complete), part(5, **complete)]).columns[0]
    assert (merged.frequent, merged.distinct_count) == ([Frequency("a", 6), Frequency("b", 4)], 2)
    top_only = {"distinct_count": 3, "empty_count": 0, "frequent": [Frequency("a", 3)]}
    merged = merge([part(5, **complete), part(5, **top_only)]).columns[0]
    assert (merged.frequent, merged.distinct_count, merged.distinct_low, merged.distinct_high) == ([], None, 3, 5)
    assert "frequent values" in merged.skipped


def test_estimates_from_samples_are_not_merged():
    merged = merge([part(5, mean=1.0, zero_count=0), part(5, mean=3.0, zero_count=0, distinct_is_estimate=True)]).columns[0]
    assert (merged.mean, merged.distinct_count) == (2.0, None)
    assert merged.skipped == "merged from parts without what was estimated from a sample"


def test_a_text_that_is_not_shown_in_full_orders_nothing():
    long = "x" * 255 + "…"
    merged = merge([part(5, minimum=long, maximum="z", empty_count=0), part(5, minimum="a", maximum="y", empty_count=0)]).columns[0]
    assert (merged.minimum, merged.maximum) == (None, "z")
    assert "minimum" in merged.skipped


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [
        (["0099-12-31", "2000-01-01"], "0099-12-31", "2000-01-01"),
        (["-infinity", "2000-01-01", "infinity"], "-infinity", "infinity"),
        (["0044-03-15 BC", "2000-01-01"], None, None),
        (["12000-01-01", "2000-01-01"], None, None),
    ],
)
def test_dates_are_ordered_as_dates_or_not_at_all(values, least, most):
    merged = merge([part(5, minimum=value, maximum=value) for value in values]).columns[0]
    assert (merged.minimum, merged.maximum) == (least, most)


def test_numbers_are_ordered_as_numbers_however_they_are_written():
    for pairs, found in (
        ((("9.50", "10.00"), ("-10.00", "9.99")), ("-10.00", "10.00")),
        ((("-Infinity", 5.0), (1.0, "NaN")), ("-Infinity", "NaN")),
    ):
        merged = merge([part(5, minimum=least, maximum=most, zero_count=0) for least, most in pairs]).columns[0]
        assert (merged.minimum, merged.maximum) == found


def test_sensitive_columns_stay_so_and_keep_their_counts():
    hidden = ColumnStatistics("c", is_sensitive=True, skipped="sensitive: only counted", null_count=2)
    shown = ColumnStatistics("c", null_count=1, minimum=1, maximum=2, zero_count=0)
    merged = merge([StatisticsSnapshot("exact", row_count=5, columns=[item]) for item in (shown, hidden)]).columns[0]
    assert (merged.is_sensitive, merged.null_count, merged.minimum, merged.frequent) == (True, 3, None, [])
    assert merged.skipped == "sensitive: only counted"


def test_a_column_that_a_part_lacks_is_left_out():
    other = StatisticsSnapshot("exact", row_count=5, columns=[])
    assert merge([part(5), other]).columns == []


@pytest.mark.parametrize(("origin", "rows"), [("sampled", 5), ("engine", 5), ("exact", None)])
def test_parts_that_were_not_counted_are_refused(origin, rows):
    with pytest.raises(InvalidRequest, match="cannot be merged"):
        merge([part(5), StatisticsSnapshot(origin, row_count=rows)])
    with pytest.raises(InvalidRequest):
        merge([])


def test_sizes_windows_and_freshness_are_put_together():
    moments = [datetime(2020, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    parts = [
        StatisticsSnapshot("exact", row_count=1, size_bytes=10, window=Window(start, end, "day"), freshness=Freshness("column", end, "day"))
        for start, end in pairwise(moments)
    ]
    merged = merge(parts)
    assert (merged.size_bytes, merged.window, merged.freshness) == (20, Window(moments[0], moments[2], "day"), parts[1].freshness)
