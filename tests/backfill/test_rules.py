"""One value of a row: what a rule makes of it, and what it refuses."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from factbook.backfill.mapping import Where
from factbook.backfill.paths import Row
from factbook.backfill.rules import compile_rule, compile_where, read_rule

VALUE = {
    "text": " 12 ",
    "whole": 12,
    "half": 0.5,
    "three": 3.0,
    "yes": "Yes",
    "true": True,
    "no": None,
    "list": [{"a": 1}, {"a": 2}],
    "a.b": {"c d": "deep"},
    "names": "a; b;;c",
    "wall": "2024-03-31T02:30:00",
    "twice": "2024-10-27T02:30:00",
    "local": "10.01.2024 06:00",
    "moment": "2024-01-10T06:00:00+01:00",
    "fine": "2024-01-10T06:00:00.250Z",
    "day": "2024-01-10",
    "epoch": 1704862800,
    "millis": "1704862800250",
    "far": 10**18,
}
ROW = Row(VALUE, PurePosixPath("logs/2024-01-10_run-123.jsonl.gz"), 7, 7, b"", None, ({"run": "inner"}, {"run": "outer"}))


def value_of(rule: Any) -> Any:
    return compile_rule(read_rule(rule))(ROW)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("$.whole", 12),
        ("constant", "constant"),
        ("$ is dear", "$ is dear"),
        ({"constant": "$.whole"}, "$.whole"),
        ("$.list[1].a", 2),
        ("$.list[9].a", None),
        ("$.whole.a", None),
        ('$["a.b"]["c d"]', "deep"),
        ("$.no", None),
        ({"path": "$.no", "default": 0}, 0),
        ({"path": "$.no", "default": False, "required": True}, False),
        ("^.run", "inner"),
        ("^^.run", "outer"),
        ("^^^.run", None),
        ("@file.name", "2024-01-10_run-123.jsonl.gz"),
        ("@file.stem", "2024-01-10_run-123"),
        ({"path": "@file.path", "match": "run-(\\d+)", "type": "integer"}, 123),
        ({"path": "$.text", "type": "integer"}, 12),
        ({"path": "$.three", "type": "integer"}, 3),
        ({"path": "$.whole", "type": "text"}, "12"),
        ({"path": "$.text", "type": "number", "scale": 0.001}, 0.012),
        ({"path": "$.half", "type": "integer", "default": 1, "match": "^(\\d)"}, 0),
        ({"path": "$.whole", "type": "integer", "scale": 1024}, 12288),
        ({"path": "$.yes", "type": "boolean"}, True),
        ({"path": "$.true", "type": "boolean"}, True),
        ({"path": "$.true", "values": {"true": "passed"}}, "passed"),
        ({"path": "$.names", "split": ";"}, ["a", "b", "c"]),
        ({"path": "$.moment", "type": "moment"}, "2024-01-10T05:00:00Z"),
        ({"path": "$.moment", "type": "moment", "zone": "America/New_York"}, "2024-01-10T05:00:00Z"),
        ({"path": "$.fine", "type": "moment"}, "2024-01-10T06:00:00.250000Z"),
        ({"path": "$.wall", "type": "moment", "zone": "UTC"}, "2024-03-31T02:30:00Z"),
        ({"path": "$.wall", "type": "moment", "zone": "-05:30"}, "2024-03-31T08:00:00Z"),
        ({"path": "$.twice", "type": "moment", "zone": "Europe/Rome", "fold": "earlier"}, "2024-10-27T00:30:00Z"),
        ({"path": "$.twice", "type": "moment", "zone": "Europe/Rome", "fold": "later"}, "2024-10-27T01:30:00Z"),
        ({"path": "$.local", "type": "moment", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Rome"}, "2024-01-10T05:00:00Z"),
        ({"path": "$.day", "type": "moment", "format": "%Y-%m-%d", "zone": "UTC"}, "2024-01-10T00:00:00Z"),
        ({"path": "$.epoch", "type": "moment", "format": "epoch_seconds"}, "2024-01-10T05:00:00Z"),
        ({"path": "$.millis", "type": "moment", "format": "epoch_milliseconds"}, "2024-01-10T05:00:00.250000Z"),
    ],
    ids=str,
)
def test_a_rule_makes_one_value(rule: Any, value: Any) -> None:
    found = value_of(rule)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"path": "$.no", "required": True}, "$.no is missing"),
        ({"path": "$.half", "type": "integer"}, "$.half: 0.5 is no whole number"),
        ({"path": "$.true", "type": "integer"}, "$.true: True is no whole number"),
        ({"path": "$.yes", "type": "number"}, "$.yes: 'Yes' is no number"),
        ({"path": "$.true", "type": "number"}, "$.true: True is no number"),
        ({"path": "$.whole", "type": "boolean"}, "$.whole: 12 is neither true nor false"),
        ({"path": "$.list", "type": "text"}, "$.list: [{'a': 1}, {'a': 2}] is no text"),
        ({"path": "$.yes", "values": {"ok": 1, "ko": 0}}, "$.yes: 'Yes' is none of ok, ko"),
        ({"path": "$.yes", "match": "^(\\d+)$"}, "$.yes: 'Yes' does not match ^(\\d+)$"),
        (
            {"path": "$.wall", "type": "moment"},
            "$.wall: '2024-03-31T02:30:00' has no time zone; state which it is, for example zone = \"UTC\"",
        ),
        (
            {"path": "$.wall", "type": "moment", "zone": "Europe/Rome"},
            "$.wall: 2024-03-31 02:30:00 never was in Europe/Rome: the clocks were put forward over it",
        ),
        (
            {"path": "$.twice", "type": "moment", "zone": "Europe/Rome"},
            '$.twice: 2024-10-27 02:30:00 was twice in Europe/Rome; say which is meant: fold = "earlier" or "later"',
        ),
        (
            {"path": "$.day", "type": "moment", "zone": "UTC"},
            "$.day: '2024-01-10' is a day; if its first moment is meant, say so: format = \"%Y-%m-%d\"",
        ),
        ({"path": "$.whole", "type": "moment"}, "$.whole: 12 is no text with a moment"),
        ({"path": "$.true", "type": "moment", "format": "epoch_seconds"}, "$.true: True is no number of seconds"),
        ({"path": "$.far", "type": "moment", "format": "epoch_seconds"}, f"$.far: {10**18} lies outside the years 1 to 9999"),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(rule: Any, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        value_of(rule)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Where(path="$.whole", equals=12), True),
        (Where(path="$.whole", unequal=12), False),
        (Where(path="$.true", equals=1), False),
        (Where(path="$.no", unequal=1), True),
        (Where(path="$.text", one_of=["x", " 12 "]), True),
        (Where(path="$.text", matches="^\\s*1"), True),
        (Where(path="$.whole", matches="1"), False),
        (Where(path="$.no", exists=False), True),
        (Where(path="$.whole", exists=True, unequal=12), False),
    ],
    ids=str,
)
def test_a_condition_looks_at_the_raw_row(condition: Where, holds: bool) -> None:
    assert compile_where(condition)(ROW) is holds
