"""What a backfill says to people and to programs, on the example that the how-to shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import assert_golden

EXAMPLE = Path(__file__).parents[2] / "examples" / "backfill"


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    """Give a copy of the example whose logs end in the middle of a line, and which holds a file twice."""
    folder = tmp_path / "old"
    shutil.copytree(EXAMPLE, folder)
    with (folder / "progress" / "2024-01-b.jsonl").open("a") as log:
        log.write('{"event": "slice_done", "run_id": "orders-20240117", "tab')
    shutil.copy(folder / "progress" / "2024-01-a.jsonl", folder / "progress" / "copy.jsonl")
    return str(folder / "mapping.toml")


def test_people_see_where_every_row_went_and_what_history_there_is(cli: Cli, mapping: str) -> None:
    dry, first, again = (cli("backfill", mapping, *more) for more in (("--dry-run",), (), ("--min-runs", "3", "--min-days", "2")))
    assert [answer.code for answer in (dry, first, again)] == [5, 5, 5]
    assert_golden("backfill-dry.txt", dry.all)
    assert_golden("backfill-first.txt", first.out)
    assert_golden("backfill-again.txt", again.out)


def test_programs_get_the_whole_report(cli: Cli, mapping: str) -> None:
    answer = cli("backfill", mapping, "--json")
    report = answer.json
    rows = report["rows"]
    assert (answer.code, answer.err) == (5, "")
    assert rows["read"] == rows["merged"] + rows["skipped"] + rows["repeats"] + rows["rejected"] == 56
    assert report["stored"] == {"stored": 27, "duplicate": 0, "unchanged": 0, "rejected": 0}
    assert report["rejects"] == [{"place": "progress/2024-01-b.jsonl:19", "rows": 1, "reason": "it is no JSON: Input data was truncated"}]
    assert [table["lacks"] for table in report["tables"]].count(None) == 1


def test_rejected_rows_go_to_a_file_and_strict_ends_as_a_wrong_request(cli: Cli, mapping: str, tmp_path: Path) -> None:
    answer = cli("backfill", mapping, "--strict", "--rejects", str(tmp_path / "rejects"), "--json")
    assert (answer.code, answer.error["what"]) == (2, "1 row was rejected, so nothing was stored")
    assert json.loads((tmp_path / "rejects").read_text())["place"] == "progress/2024-01-b.jsonl:19"
    assert cli("records", "tail", "--json").out == ""


def test_the_example_itself_has_no_bad_row(cli: Cli) -> None:
    answer = cli("backfill", str(EXAMPLE / "mapping.toml"), "--strict")
    assert answer.code == 0, answer.err


def test_a_mistake_in_the_mapping_ends_as_a_wrong_request(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('[[input]]\nname = "x"\nfile = "y"\n')
    answer = cli("backfill", str(tmp_path / "mapping.toml"), "--json")
    assert (answer.code, answer.error["field"], answer.error["what"]) == (2, "input[0]", "The mapping is wrong at input[0]")
