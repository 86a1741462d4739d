"""Slices of a run become its one record, and one bad slice is enough for there to be none."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backfill.workshop import BY_RUN, ORDERS, VOLUME, Workshop, lines, slice_done

RUNS = VOLUME | {"merge": BY_RUN}


def with_payload(**rules: Any) -> dict[str, Any]:
    return RUNS | {"payload": VOLUME["payload"] | rules}


def test_a_run_becomes_one_record_with_its_moment_and_where_it_came_from(shop: Workshop) -> None:
    shop.write("b.jsonl", lines([slice_done("r1", 4), slice_done("r2", 1, 5)]))
    shop.write("a.jsonl", lines([slice_done("r1", 1), slice_done("r1", 3), slice_done("r2", 2, 6), slice_done("r1", 2)]))
    report = shop.run(RUNS)
    assert (report.rows.read, report.rows.merged, report.rows.records) == (6, 6, 2)
    [second, first] = [item.record for item in shop.stored()]
    assert (first.target, first.context.run_id, first.payload) == (ORDERS, "r1", {"row_count": 40})
    assert first.produced_at == datetime(2024, 1, 10, 5, 4, tzinfo=UTC)
    source = first.extras["original_source"]
    assert source["files"] == [{"file": "a.jsonl", "lines": "1-2,4"}, {"file": "b.jsonl", "lines": "1"}]
    assert (source["merged_rows"], len(source["digest"])) == (4, 32)
    assert (second.context.run_id, second.payload) == ("r2", {"row_count": 11})


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"path": "$.v", "merge": "sum"}, 9),
        ({"path": "$.v", "merge": "min"}, 1),
        ({"path": "$.v", "merge": "max"}, 5),
        ({"path": "$.v", "merge": "first"}, 3),
        ({"path": "$.v", "merge": "last"}, 1),
        ({"path": "$.v", "merge": "collect"}, [3, 5, 1]),
        ({"merge": "count"}, 3),
        ({"path": "$.b", "merge": "any"}, True),
        ({"path": "$.b", "merge": "all"}, False),
        ({"path": "$.t", "merge": "max", "type": "moment"}, "2024-01-10T05:00:00.500000Z"),
        ({"path": "$.t", "merge": "min", "type": "moment"}, "2024-01-10T05:00:00Z"),
        ({"path": "$.nothing", "merge": "sum"}, None),
        ({"path": "$.nothing", "merge": "collect"}, None),
        ({"path": "$.nothing", "merge": "sum", "default": 2}, 6),
        ({"path": "$.some", "merge": "last"}, "x"),
        ("$.some", "x"),
        ("$.run", "r1"),
        ({"fields": {"n": "$.slice", "of.v": "$.v"}, "merge": "first"}, {"n": 1, "of": {"v": 3}}),
    ],
    ids=str,
)
def test_a_field_is_merged_as_its_rule_says(shop: Workshop, rule: Any, value: Any) -> None:
    rows = [
        slice_done("r1", 3, v=1, b=False, t="2024-01-10T05:00:00.5Z"),
        slice_done("r1", 1, v=3, b=True, t="2024-01-10T05:00:00Z"),
        slice_done("r1", 2, v=5, b=False, t="2024-01-10T05:00:00.25Z", some="x"),
    ]
    shop.write("a.jsonl", lines(rows))
    report = shop.run(RUNS | {"extras": {"x": rule}})
    assert report.rejects == []
    assert shop.stored()[0].record.extras.get("x") == value


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("$.slice", "extras.x: rows of the run disagree, 1 and 2: say how to merge them"),
        ({"path": "$.some", "merge": "sum"}, "extras.x: only some rows of the run have a value to sum: give the rule a default"),
        ({"path": "$.table", "merge": "sum"}, 'extras.x: "sales.orders" cannot be summed: give the rule a type'),
        ({"path": "$.mixed", "merge": "max"}, 'extras.x: 1 and "a" have no order: give the rule a type'),
        ({"path": "$.slice", "merge": "any"}, 'extras.x: 1 is neither true nor false: give the rule type = "boolean"'),
    ],
    ids=str,
)
def test_rows_that_do_not_merge_reject_their_run(shop: Workshop, rule: Any, reason: str) -> None:
    shop.write("a.jsonl", lines([slice_done("r1", 1, mixed=1, some=1), slice_done("r1", 2, mixed="a"), slice_done("r2", 1, some=1)]))
    reasons = shop.reasons(RUNS | {"extras": {"x": rule}})
    assert {place: why for place, why in reasons.items() if place != "a.jsonl:3"} == {"a.jsonl:1": reason, "a.jsonl:2": reason}


def test_one_bad_slice_rejects_its_whole_run_and_no_other(shop: Workshop) -> None:
    shop.write("a.jsonl", lines([slice_done("r1", 1), slice_done("r1", 2, "many"), slice_done("r2", 1)]))
    assert shop.reasons(RUNS) == {"a.jsonl:1": "a.jsonl:2 of the same run is bad", "a.jsonl:2": "$.rows: 'many' is no whole number"}
    assert [item.record.context.run_id for item in shop.stored()] == ["r2"]


def test_a_run_that_says_how_many_slices_it_has_must_have_them(shop: Workshop) -> None:
    rows = [slice_done("r1", 1, of=2), slice_done("r1", 2, of=2), slice_done("r2", 1, of=2)]
    shop.write("a.jsonl", lines(rows))
    assert shop.reasons(RUNS | {"merge": BY_RUN | {"rows": "$.of"}}) == {"a.jsonl:3": "the run should have 2 rows and has 1"}
    assert shop.payloads() == [{"row_count": 20}]


@pytest.mark.parametrize(("keep", "total"), [("last", 70), ("first", 30)])
def test_a_slice_that_was_done_again_counts_once(shop: Workshop, keep: str, total: int) -> None:
    again = slice_done("r1", 1, 50) | {"ts": "2024-01-10T06:00:00Z"}
    shop.write("a.jsonl", lines([again, slice_done("r1", 1, 10), slice_done("r1", 2, 20)]))
    report = shop.run(RUNS | {"merge": BY_RUN | {"unique_by": ["$.slice"], "keep": keep}})
    assert shop.payloads() == [{"row_count": total}]
    assert (report.rows.merged, report.rows.repeats) == (2, 1)


def test_a_run_goes_in_the_order_that_the_mapping_names(shop: Workshop) -> None:
    shop.write("a.jsonl", lines([slice_done("r1", 1, seq=2, v="b"), slice_done("r1", 2, seq=1, v="a"), slice_done("r2", 1)]))
    reasons = shop.reasons(with_payload() | {"extras": {"x": {"path": "$.v", "merge": "collect"}}, "merge": BY_RUN | {"order": "$.seq"}})
    assert reasons == {"a.jsonl:3": "what the run's rows are ordered by is missing, or neither number nor text"}
    assert shop.stored()[0].record.extras["x"] == ["a", "b"]


def test_runs_can_be_told_apart_by_what_a_rule_makes(shop: Workshop) -> None:
    shop.write("run-1.jsonl", lines([slice_done(None, 1), slice_done(None, 2)]))
    shop.write("run-2.jsonl", lines([slice_done(None, 3)]))
    context = {"run_id": {"path": "@file.name", "match": "(run-\\d)"}}
    shop.run(RUNS | {"context": context, "merge": {"by": ["context.run_id", "target.name"]}})
    assert [(item.record.context.run_id, item.record.payload) for item in shop.stored()] == [
        ("run-1", {"row_count": 20}),
        ("run-2", {"row_count": 10}),
    ]


def test_a_row_whose_run_is_not_known_is_rejected_alone(shop: Workshop) -> None:
    shop.write("a.jsonl", lines([slice_done(None, 1), slice_done("r1", 1)]))
    assert shop.reasons(RUNS) == {"a.jsonl:1": "$.run is missing, and runs are told apart by it"}


def test_a_run_of_very_many_slices_has_a_short_provenance(shop: Workshop) -> None:
    for number in range(60):
        shop.write(f"{number:02}.jsonl", lines(slice_done("r1" if turn % 2 else f"x{number}-{turn}", turn % 60) for turn in range(210)))
    shop.run(RUNS)
    source = next(item.record.extras["original_source"] for item in shop.stored() if item.record.context.run_id == "r1")
    assert (len(source["files"]), source["more_files"], source["merged_rows"]) == (50, 10, 60 * 105)
    assert source["files"][0] == {"file": "00.jsonl", "lines": "2…210"}


raw_lines = st.one_of(
    st.builds(slice_done, st.sampled_from(["r1", "r2", "r3", "r4"]), st.integers(0, 59), st.integers(0, 10**12)).map(json.dumps),
    st.builds(slice_done, st.sampled_from(["r5", "r6"]), st.integers(0, 59), st.just("bad")).map(json.dumps),
    st.builds(slice_done, st.sampled_from(["r1", "r2"]), st.integers(0, 59), event=st.just("started")).map(json.dumps),
    st.sampled_from(['{"run": ', "[]", "\x00", '"text"']),
)


@given(st.lists(raw_lines, max_size=30), st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_row_is_accounted_for_and_every_total_is_the_sum(raw: list[str], files: int, chance: random.Random) -> None:
    totals: dict[str, int] = defaultdict(int)
    kept = bad = skipped = 0
    for text in raw:
        row = json.loads(text) if text.startswith('{"run": "') else None
        if row is None or row["run"] in ("r5", "r6"):
            bad += 1
        elif "event" in row:
            skipped += 1
        else:
            kept += 1
            totals[row["run"]] += row["rows"]
    with TemporaryDirectory() as folder:
        shop = Workshop(Path(folder))
        parts: list[list[str]] = [[] for _ in range(files)]
        for text in raw:
            chance.choice(parts).append(text)
        for number, part in enumerate(parts):
            shop.write(f"{number}.jsonl", f'{{"event": "started", "number": {number}}}\n' + "".join(text + "\n" for text in part))
        report = shop.run(RUNS | {"where": [{"path": "$.event", "exists": False}]})
        assert (report.rows.merged, report.rows.rejected, report.rows.skipped) == (kept, bad, skipped + files)
        assert report.rows.read == len(raw) + files
        assert {item.record.context.run_id: (item.record.payload or {})["row_count"] for item in shop.stored()} == totals
        assert {place.rpartition(":")[0] for place in (row.place for row in report.rejects)} <= {
            f"{number}.jsonl" for number in range(files)
        }
