"""Since when a column is as it is, and what it was before: told from the structures that scans saw."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from comparing import Log

from factbook.diff import columns
from factbook.errors import NotFound
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

START = datetime(2024, 1, 1, tzinfo=UTC)
NAME = TableName("s", "t")


def day(number):
    return START + timedelta(days=number)


@pytest.fixture
def log():
    return Log()


def seen(log, number, *found, producer="scan.v1"):
    """Store what a scan saw of the table on a day; nothing of one that was gone."""
    structure = [{"position": place, "data_type": "int", **column} for place, column in enumerate(found, 1)]
    payload = {"object_type": "table", "columns": structure} if found else None
    context = MetadataContext(run_id=f"run-{number}")
    log.repository.store(MetadataRecord(MetadataTarget("src", "s", "t"), "schema_snapshot", payload, day(number), producer, context))


def since(log, *names, **options):
    return {name: (found.at, found.how) for name, found in log.diffs.columns_since("src", NAME, names, **options).items()}


def test_a_column_is_so_since_it_came_or_changed_last(log):
    seen(log, 0, {"name": "id"}, {"name": "town"})
    seen(log, 1, {"name": "id"}, {"name": "town", "data_type": "text"})
    seen(log, 2, {"name": "id"}, {"name": "more"}, {"name": "town", "data_type": "text"})
    assert since(log, "id", "town", "more", "none") == {
        "id": (day(0), "first_seen"),
        "town": (day(1), "changed"),
        "more": (day(2), "appeared"),
    }
    assert since(log, "id", "town", as_of=day(1)) == {"id": (day(0), "first_seen"), "town": (day(1), "changed")}
    assert since(log, "town", as_of=day(0)) == {"town": (day(0), "first_seen")}


def test_of_a_table_that_is_gone_the_last_structure_is_meant_and_one_that_came_back_is_new(log):
    seen(log, 0, {"name": "id"})
    seen(log, 1, {"name": "id"}, {"name": "b"})
    seen(log, 2)
    assert since(log, "id", "b") == {"id": (day(0), "first_seen"), "b": (day(1), "appeared")}
    seen(log, 3, {"name": "id"})
    assert since(log, "id") == {"id": (day(3), "appeared")}
    assert [(item.change, item.at) for item in log.diffs.column_history("src", NAME, "id").items] == [
        ("appeared", day(3)),
        ("removed", day(2)),
        ("first_seen", day(0)),
    ]


def test_history_says_what_of_the_column_changed_and_by_which_run(log):
    seen(log, 0, {"name": "id"})
    seen(log, 1, {"name": "id"}, {"name": "a"})
    seen(log, 2, {"name": "id"}, {"name": "a", "nullable": False, "default": "0"})
    seen(log, 3, {"name": "a", "nullable": False, "default": "0"})
    found = log.diffs.column_history("src", NAME, "a").items
    assert [(item.change, item.run_id) for item in found] == [("changed", "run-2"), ("appeared", "run-1")]
    assert [(change.what, change.before, change.after) for change in found[0].changes] == [
        ("default", None, "0"),
        ("nullable", True, False),
    ]
    assert log.diffs.column_history("src", NAME, "id").items[0].change == "removed"
    with pytest.raises(NotFound, match="never had a column 'b'"):
        log.diffs.column_history("src", NAME, "b")


def test_what_is_too_far_back_is_said_to_be_earlier(log, monkeypatch):
    monkeypatch.setattr(columns, "MAX_STRUCTURES", 2)
    for number in range(4):
        seen(log, number, {"name": "id"}, {"name": f"c{number}"})
    assert since(log, "id", "c3") == {"id": (day(2), "earlier"), "c3": (day(3), "appeared")}
    found = log.diffs.column_history("src", NAME, "id")
    assert (found.items, found.looked_back_to) == ([], day(2))


def test_many_structures_are_read_page_by_page_and_those_of_others_are_another_story(log):
    for number in range(45):
        seen(log, number, {"name": "id"}, {"name": f"c{number}"})
    seen(log, 50, {"name": "other"}, producer="dbt")
    assert since(log, "id", "c44") == {"id": (day(0), "first_seen"), "c44": (day(44), "appeared")}
    assert len(log.diffs.moments("src", NAME)) == 45


def test_any_two_moments_of_a_table_are_compared(log):
    seen(log, 0, {"name": "id"})
    seen(log, 1, {"name": "id"}, {"name": "a"})
    seen(log, 2, {"name": "id", "data_type": "bigint"}, {"name": "a"})

    def between(before, after):
        return [(change.change, change.path) for change in log.diffs.changes_between("src", NAME, day(before), day(after))]

    assert between(0, 2) == [("changed", "columns.id.data_type"), ("added", "columns.a")]
    assert between(1, 2) == [("changed", "columns.id.data_type")]
    assert between(2, 2) == []
    assert between(-1, 0)[0] == ("added", "")
