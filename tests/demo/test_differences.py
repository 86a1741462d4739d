"""What the demo says about two structures of one table."""

from __future__ import annotations

from typing import Any

import pytest

from factbook.demo.differences import differences

ID = {"name": "id", "position": 1, "data_type": "INTEGER", "nullable": False}
NAME = {"name": "name", "position": 2, "data_type": "TEXT"}
KEY = {"type": "primary_key", "columns": ["id"], "name": "pk"}
INDEX = {"name": "ix", "parts": [{"column": "name"}]}


def table(**changes: Any) -> dict[str, Any]:
    return {"object_type": "table", "columns": [ID, NAME], "constraints": [KEY], "indexes": [INDEX], **changes}


def test_equal_structures_differ_in_nothing() -> None:
    assert differences(table(), table()) == []
    assert differences(None, None) == []


def test_a_new_and_a_gone_object_are_one_line() -> None:
    assert differences(None, table()) == ["+ table with 2 columns"]
    assert differences(table(object_type="materialized_view"), None) == ["- materialized view with 2 columns"]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"columns": [ID]}, ["- column name TEXT"]),
        ({"columns": [ID, NAME, {"name": "n", "position": 3, "data_type": "INT", "default": "0"}]}, ["+ column n INT default 0"]),
        ({"columns": [ID, {**NAME, "data_type": "VARCHAR(9)"}]}, ["~ column name TEXT -> name VARCHAR(9)"]),
        ({"constraints": []}, ["- constraint pk primary key (id)"]),
        (
            {"constraints": [KEY, {"type": "foreign_key", "columns": ["name"], "references": {"table": "people"}}]},
            ["+ constraint foreign key (name) -> people"],
        ),
        ({"constraints": [KEY, {"type": "check", "name": "c", "expression": "id > 0"}]}, ["+ constraint c check (id > 0)"]),
        (
            {"indexes": [{"name": "ix", "parts": [{"column": "name", "descending": True}], "unique": True}]},
            ["~ index ix (name) -> ix unique (name descending)"],
        ),
        ({"indexes": []}, ["- index ix (name)"]),
        ({"comment": "people we know", "owner": "me"}, ["~ comment", "~ owner"]),
    ],
)
def test_a_change_is_told_in_a_line(changes: dict[str, Any], lines: list[str]) -> None:
    assert differences(table(), table(**changes)) == lines
