"""Anomalies on series whose answer is known: what does not fit is found, what fits is left alone, and nobody looks ahead."""

import csv
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.quality.anomalies import Options, Point, judge_series
from factbook.quality.series import numbers_of
from factbook_sdk.facts import MetadataTarget

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def series(values):
    return [Point(MONDAY + timedelta(days=day), value) for day, value in enumerate(values)]


def found(values, **options):
    """Return the days that are anomalies, with their side."""
    judged = judge_series(series(values), Options(**options))
    return {day: one.direction for day, one in enumerate(judged) if one.direction is not None}


def noise(count, centre=1000.0, deviation=20.0, seed=7):
    draw = random.Random(seed)
    return [draw.gauss(centre, deviation) for _ in range(count)]


def test_an_outlier_is_found_and_the_next_day_is_ordinary_again():
    values = noise(60)
    values[40] = 600
    assert found(values) == {40: "below"}


def test_a_new_level_is_told_until_it_is_the_level():
    values = [value + (400 if day >= 30 else 0) for day, value in enumerate(noise(60))]
    assert found(values) == dict.fromkeys(range(30, 35), "above")


def test_steady_growth_is_no_anomaly_and_a_drop_in_it_is_one():
    growing = [1000 + 50 * day + wobble for day, wobble in enumerate(noise(60, 0, 10))]
    assert found(growing) == {}
    growing[50] = 1000
    assert found(growing) == {50: "below"}


def test_weekends_are_learnt_and_a_weekend_like_a_weekday_is_an_anomaly():
    values = [(1000 if day % 7 < 5 else 200) + wobble for day, wobble in enumerate(noise(84, 0, 20))]
    assert found(values) == {}
    values[75] = 1000
    judged = judge_series(series(values), Options())[75]
    assert (judged.direction, judged.band.seasonality) == ("above", "weekday")


def test_a_constant_may_move_by_the_floor_and_not_further():
    assert found([5] * 40) == {}
    assert found([100] * 30 + [104] + [100] * 5) == {}
    assert found([100] * 30 + [105] + [100] * 5) == {30: "above"}
    assert found([0] * 30 + [4] + [0] * 5, floor=1.0) == {}
    assert found([0] * 30 + [5] + [0] * 5, floor=1.0) == {30: "above"}


def test_it_is_silent_below_the_minimum_of_points():
    judged = judge_series(series([1.0] * 14 + [9.0]), Options())
    assert [one.band for one in judged[:14]] == [None] * 14
    assert judged[14].direction == "above"
    assert found([1.0] * 13 + [9.0]) == {}


def test_a_moving_average_is_not_carried_away_by_what_it_called_an_anomaly():
    values = noise(60)
    values[40] = 100_000
    assert found(values, method="moving_average") == {40: "above"}


def test_what_was_measured_otherwise_is_another_history_and_single_values_are_none():
    column = {"name": "a", "null_count": 1, "distinct_count": 5, "distinct_is_estimate": True, "maximum": 9, "minimum": 1, "mean": 5.0}
    payload = {"origin": "exact", "row_count": 4, "columns": [column], "metrics": [{"name": "refunds", "value": 3}, {"name": "bad"}]}
    target = MetadataTarget("shop", "main", "t")
    followed = {(one.metric, one.column, one.origin): value for one, value in numbers_of(target, "statistics_snapshot", payload)}
    assert followed == {
        ("row_count", None, "exact"): 4.0,
        ("metric:refunds", None, "exact"): 3.0,
        ("null_share", "a", "exact"): 0.25,
        ("distinct_count", "a", "estimate"): 5.0,
        ("mean", "a", "exact"): 5.0,
    }


def test_of_loads_their_volume_and_the_time_of_those_that_succeeded_are_followed():
    target = MetadataTarget("shop", "main", "t")
    volume = [one.metric for one, _ in numbers_of(target, "ingestion_volume", {"row_count": 1, "byte_count": 2})]
    times = [
        len(list(numbers_of(target, "ingestion_runtime", {"outcome": outcome, "duration_seconds": 3.0})))
        for outcome in ("succeeded", "failed")
    ]
    assert (volume, times) == (["row_count", "byte_count"], [1, 0])


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.lists(st.floats(-1e9, 1e9), max_size=10))
def test_what_comes_later_never_changes_what_was_said_before(values, later):
    before = judge_series(series(values), Options(minimum_points=5))
    after = judge_series(series(values + later), Options(minimum_points=5))
    assert after[: len(values)] == before


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_points_in_any_order_give_the_same_answer(values, draw):
    points = series(values)
    shuffled = list(points)
    draw.shuffle(shuffled)
    assert judge_series(points, Options()) == judge_series(shuffled, Options())


@pytest.mark.parametrize(("deviation", "allowed"), [(20.0, 0.005), (200.0, 0.005)])
def test_of_plain_noise_less_than_one_point_in_200_is_called_an_anomaly(deviation, allowed):
    judged = [
        one for seed in range(100) for one in judge_series(series(noise(90, 1000, deviation, seed)), Options()) if one.band is not None
    ]
    assert len(judged) == 100 * 76
    assert sum(one.direction is not None for one in judged) <= allowed * len(judged)


def test_real_weather_has_few_anomalies_and_a_fault_in_it_is_found(test_data):
    rows = list(csv.DictReader((test_data / "feeds" / "seattle-weather.csv").read_text().splitlines()))
    values = [float(row["temp_max"]) for row in rows]
    assert len(found(values)) <= 0.01 * len(values)
    values[1000] = 200.0
    assert found(values)[1000] == "above"
