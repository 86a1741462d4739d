"""``factbook records``: the log as people and scripts see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli


def observation(table: str, rows: int, day: int = 1) -> dict[str, Any]:
    return {
        "target": {"source_id": "shop", "schema": "main", "table": table},
        "kind": "table_observation",
        "payload": {"fingerprint": "test1:0", "row_estimate": rows},
        "produced_at": f"2026-01-{day:02}T00:00:00Z",
        "producer_id": "counter.v1",
    }


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def counted(cli: Cli) -> Cli:
    """Give a command line whose log knows three days of one table and one day of another."""
    records = [observation("item", rows, day) for day, rows in enumerate((10, 20, 30), start=1)]
    assert cli("records", "store", stdin=lines(*records, observation("sale", 5))).code == 0
    return cli


def test_ndjson_from_stdin_is_stored_once(cli: Cli) -> None:
    document = lines(observation("item", 1), observation("sale", 2))
    assert cli("records", "store", stdin=document).out == "2 stored, 0 duplicate, 0 unchanged, 0 rejected\n"
    assert cli("records", "store", "-", stdin=document).out == "0 stored, 2 duplicate, 0 unchanged, 0 rejected\n"


@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_or_a_list_is_stored_too(indent: int | None, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(observation("item", 1), indent=indent))
    (tmp_path / "list.json").write_text(json.dumps([observation("item", 2, 2), observation("item", 2, 3)], indent=indent))
    assert cli("records", "store", str(tmp_path / "one.json"), "--json").json["counts"]["stored"] == 1
    answer = cli("records", "store", str(tmp_path / "list.json"), "--json")
    assert answer.json == {"counts": {"stored": 1, "duplicate": 0, "unchanged": 1, "rejected": 0}, "refused": []}


def test_bad_lines_are_named_and_the_others_stored(cli: Cli) -> None:
    document = lines(observation("item", 1)) + "garbage\n\n" + lines({**observation("sale", 1), "kind": "nope"}, observation("sale", 2))
    answer = cli("records", "store", "--json", stdin=document)
    assert answer.code == 5
    assert answer.json["counts"] == {"stored": 2, "duplicate": 0, "unchanged": 0, "rejected": 2}
    assert [(item["place"], item["field"]) for item in answer.json["refused"]] == [(2, None), (4, "kind")]
    shown = cli("records", "store", stdin=document)
    assert "2   The record is invalid" in shown.out
    assert "4   The kind 'nope' is unknown" in shown.out


def test_a_bad_first_line_spoils_nothing(cli: Cli) -> None:
    answer = cli("records", "store", "--json", stdin='{"target": \n' + lines(observation("item", 1)))
    assert answer.json["counts"]["stored"] == 1
    assert [item["place"] for item in answer.json["refused"]] == [1]


def test_a_refused_item_of_a_list_is_named_by_its_number(cli: Cli) -> None:
    answer = cli("records", "store", "--json", stdin=json.dumps([observation("item", 1), {"target": {}}, 7]))
    assert [item["place"] for item in answer.json["refused"]] == [2, 3]


def test_atomic_stores_all_or_none(cli: Cli) -> None:
    answer = cli("records", "store", "--atomic", stdin=lines(observation("item", 1)) + "garbage\n")
    assert answer.code == 2
    assert cli("records", "tail").out == ""


def test_more_lines_than_are_stored_at_once_keep_their_places(cli: Cli) -> None:
    document = lines(*(observation(f"table_{number}", number) for number in range(12_000))) + "garbage\n"
    answer = cli("records", "store", "--json", stdin=document)
    assert answer.json["counts"]["stored"] == 12_000
    assert [item["place"] for item in answer.json["refused"]] == [12_001]


@pytest.mark.parametrize("stdin", ["", "\n\n", "[]"])
def test_nothing_to_store_is_a_wrong_request(stdin: str, cli: Cli) -> None:
    assert cli("records", "store", stdin=stdin).code == 2


def test_a_file_that_is_not_there_is_named(cli: Cli) -> None:
    answer = cli("records", "store", "no-such-file.json")
    assert answer.code == 2
    assert "no-such-file.json cannot be read" in answer.err


def test_the_latest_record_is_shown_with_its_payload(counted: Cli) -> None:
    arguments = ("records", "latest", "table_observation", "shop", "--schema", "main", "--table", "item")
    assert counted(*arguments, "--json").json["record"]["payload"]["row_estimate"] == 30
    assert counted(*arguments, "--as-of", "2026-01-02T12:00:00Z", "--json").json["record"]["payload"]["row_estimate"] == 20
    shown = counted(*arguments).out
    assert "target    shop.main.item\n" in shown
    assert '"row_estimate": 30' in shown


def test_a_closed_state_is_shown_as_closed(counted: Cli) -> None:
    counted("records", "store", stdin=lines({**observation("item", 0, 9), "payload": None}))
    shown = counted("records", "latest", "table_observation", "shop", "--schema", "main", "--table", "item")
    assert "closed" in shown.out


@pytest.mark.parametrize(
    ("kind", "said"), [("table_observation", "No table_observation is known of shop"), ("nope", "The kind 'nope' is unknown")]
)
def test_what_is_not_known_is_said_so(kind: str, said: str, counted: Cli) -> None:
    answer = counted("records", "latest", kind, "shop")
    assert answer.code == 2
    assert said in answer.err


def test_history_is_oldest_first_and_paged_by_offset(counted: Cli) -> None:
    arguments = ("records", "history", "table_observation", "shop", "--schema", "main", "--table", "item", "--json")
    assert [line["record"]["payload"]["row_estimate"] for line in counted(*arguments).lines] == [10, 20, 30]
    first = counted(*arguments, "--limit", "2")
    rest = counted(*arguments, "--after-offset", str(json.loads(first.err)["next"]["after_offset"]))
    assert [line["record"]["payload"]["row_estimate"] for line in rest.lines] == [30]
    middle = counted(*arguments, "--since", "2026-01-02", "--until", "2026-01-03")
    assert [line["record"]["payload"]["row_estimate"] for line in middle.lines] == [20]


def test_a_query_filters_orders_and_pages(counted: Cli) -> None:
    arguments = ("records", "query", "table_observation", "--json")
    many = counted(*arguments, "--where", "payload.row_estimate>=10", "--where", "target.table=item", "--order", "desc")
    assert [line["record"]["payload"]["row_estimate"] for line in many.lines] == [30, 20, 10]
    first = counted(*arguments, "--source", "shop", "--limit", "3")
    rest = counted(*arguments, "--source", "shop", "--limit", "3", "--cursor", json.loads(first.err)["next"]["cursor"])
    assert len(first.lines) + len(rest.lines) == 4
    assert counted(*arguments, "--source", "elsewhere").out == ""


@pytest.mark.parametrize("arguments", [["--where", "nonsense"], ["--schema", "main"], ["--cursor", "made-up"]])
def test_a_query_that_cannot_be_is_refused(arguments: list[str], cli: Cli) -> None:
    assert cli("records", "query", "job_run", *arguments).code == 2


def test_the_tail_goes_by_what_was_learnt_and_goes_on_where_it_ended(counted: Cli) -> None:
    first = counted("records", "tail", "--limit", "3", "--json")
    rest = counted("records", "tail", "--json", "--after-offset", str(json.loads(first.err)["next"]["after_offset"]))
    assert [line["offset"] for line in first.lines + rest.lines] == [1, 2, 3, 4]
    assert counted("records", "tail", "--kind", "job_run").out == ""


def test_records_are_a_table_for_people(counted: Cli) -> None:
    head, _, *rows = counted("records", "tail").out.splitlines()
    assert head.split() == ["offset", "produced", "kind", "target", "producer", "payload"]
    assert len(rows) == 4
    assert "shop.main.item" in rows[0]
