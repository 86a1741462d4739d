"""How figures went over time: whole or thinned, and never with values of what is sensitive."""

from datetime import UTC, datetime, timedelta

import pytest

from factbook.profile import trends
from factbook.profile.reading import look_at
from factbook.profile.trends import trend_of
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.memory import MemoryRepository

START = datetime(2024, 1, 1, tzinfo=UTC)
TABLE = MetadataTarget("src", "s", "t")


@pytest.fixture
def log():
    return MemoryRepository()


def measured(log, number, rows, **of_columns):
    columns = [{"name": name, **figures} for name, figures in of_columns.items()]
    payload = {"origin": "exact", "row_count": rows, "columns": columns}
    log.store(MetadataRecord(TABLE, "statistics_snapshot", payload, START + timedelta(days=number), "profile.v1"))


def trend(log, **options):
    return trend_of(log, TABLE, tenant="default", **options)


def test_all_measurements_come_oldest_first_with_the_columns_asked_for(log):
    for number in range(3):
        measured(log, number, number * 10, a={"minimum": number, "null_share": 0.5, "mean_length": 3.0}, b={"minimum": 9})
    found = trend(log, columns=["a"])
    assert [point.row_count for point in found.points] == [0, 10, 20]
    assert [point.columns for point in found.points][1] == {"a": {"minimum": 1, "null_share": 0.5}}
    assert not found.is_thinned
    assert [point.columns for point in trend(log).points] == [{}, {}, {}]
    assert [point.row_count for point in trend(log, as_of=START + timedelta(days=1)).points] == [0, 10]


def test_a_table_never_measured_has_no_trend(log):
    assert trend(log).points == []


def test_too_many_measurements_are_thinned_evenly_with_the_first_and_the_last(log, monkeypatch):
    monkeypatch.setattr(trends, "MOST_POINTS", 5)
    monkeypatch.setattr(trends, "LEAST_POINTS", 2)
    for number in range(41):
        measured(log, number, number)
    found = trend(log)
    assert found.is_thinned
    assert [point.row_count for point in found.points] == [0, 10, 20, 30, 40]


def test_of_a_wide_table_fewer_measurements_are_read(log, monkeypatch):
    monkeypatch.setattr(trends, "MOST_FIGURES", 60)
    monkeypatch.setattr(trends, "LEAST_POINTS", 2)
    for number in range(10):
        measured(log, number, number, **{f"c{place}": {} for place in range(20)})
    assert len(trend(log).points) == 3


def test_of_a_sensitive_column_counts_stay_and_values_go(log):
    measured(log, 0, 5, pay={"minimum": 100, "maximum": 900, "mean": 500.0, "null_share": 0.1, "distinct_count": 4})
    note = {"author_type": "person", "notes": [{"property": "classification", "value": "personal", "column": "pay"}]}
    log.store(MetadataRecord(TABLE, "annotation", note, START + timedelta(days=1), "person:ada"))
    [point] = trend(log, columns=["pay"]).points
    assert point.columns == {"pay": {"null_share": 0.1, "distinct_count": 4}}


def test_a_look_reads_some_columns_and_says_which_are_sensitive(log):
    measured(log, 0, 5, pay={"minimum": 100}, id={"minimum": 1})
    note = {"author_type": "person", "notes": [{"property": "classification", "value": "pii", "column": "pay"}]}
    log.store(MetadataRecord(TABLE, "annotation", note, START, "person:ada"))
    look = look_at(log, "src", TableName("s", "t"), columns=["pay"])
    assert [(column.name, column.minimum, column.is_sensitive) for column in look.measured.statistics.columns] == [("pay", None, True)]
    assert look.sensitive.covers("pay")
    assert len(look_at(log, "src", TableName("s", "t")).measured.statistics.columns) == 2
    assert look_at(log, "src", TableName("s", "other")).measured is None
