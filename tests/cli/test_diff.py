"""``factbook diff``: what changed, as people review it and as programs read it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import assert_golden, settled

from factbook.cli.diff import Respect
from factbook_sdk.facts.kinds.catalog_diff import Aspect

CHANGES = """
    ALTER TABLE Customer RENAME COLUMN Email TO Mail;
    ALTER TABLE Invoice ADD COLUMN PaidAt timestamp NOT NULL DEFAULT '2026-01-01';
    ALTER TABLE Invoice DROP COLUMN BillingState;
    CREATE INDEX ByTotal ON Invoice (Total DESC);
    CREATE VIEW Big AS SELECT InvoiceId FROM Invoice WHERE Total > 10;
"""


def change(chinook: Path, script: str) -> None:
    with closing(sqlite3.connect(chinook)) as connection:
        connection.executescript(script)


@pytest.fixture
def changed(scanned: Cli, chinook: Path) -> Cli:
    """Give a command line that has scanned the sample database, some changes, and it again."""
    change(chinook, CHANGES)
    assert scanned("scan", "chinook").code == 0
    return scanned


def test_the_review_is_the_one_we_looked_at(changed: Cli, tmp_path: Path) -> None:
    answer = changed("diff", "chinook")
    assert (answer.code, answer.err) == (0, "")
    assert_golden("diff.txt", settled(answer.out, tmp_path))


def test_the_json_says_everything(changed: Cli) -> None:
    page = changed("diff", "chinook", "--json").json
    assert sum(page["counts"].values()) == len(page["changes"]) == 6
    assert [(rename["before"], rename["after"]) for rename in page["renames"]] == [("Email", "Mail")]
    assert (page["next_cursor"], page["stored"]) == (None, None)


def test_the_exit_code_tells_whether_anything_differs(changed: Cli) -> None:
    assert changed("diff", "chinook", "--exit-code").code == 1
    assert changed("diff", "chinook", "--from", "latest", "--to", "latest", "--exit-code").code == 0
    assert changed("diff", "chinook").code == 0


def test_a_time_ago_is_no_option(changed: Cli) -> None:
    answer = changed("diff", "chinook", "--from", "-1d")
    assert answer.code == 2
    assert "Nothing is known of chinook" in answer.err


def test_filters_leave_the_rest_out(changed: Cli) -> None:
    page = changed("diff", "chinook", "--table", "Cust*", "--aspect", "structure", "--json").json
    assert {item["table"] for item in page["changes"]} == {"Customer"}
    assert changed("diff", "chinook", "--aspect", "comment", "--json").json["changes"] == []


def test_more_than_the_limit_is_said(changed: Cli) -> None:
    answer = changed("diff", "chinook", "--limit", "2")
    assert "and 4 more" in answer.out


def test_what_is_stored_is_stored_once(changed: Cli) -> None:
    assert changed("diff", "chinook", "--store", "--json").json["stored"] == {"stored": 1, "duplicate": 0}
    assert changed("diff", "chinook", "--store", "--json").json["stored"] == {"stored": 0, "duplicate": 1}
    assert changed("diff", "chinook", "--store", "--table", "x").code == 2


def test_a_file_is_written_once_and_compared_in_both_directions(changed: Cli, tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    assert changed("diff", "chinook", "--write", str(file), "--to", "previous", "--json").json == {
        "source_id": "chinook",
        "file": str(file),
        "tables": 11,
    }
    back = changed("diff", "chinook", "--to", str(file), "--json").json
    since = changed("diff", "chinook", "--from", str(file), "--json").json
    assert {item["change"] for item in back["changes"] if item["table"] == "Big"} == {"removed"}
    assert {item["change"] for item in since["changes"] if item["table"] == "Big"} == {"added"}
    assert changed("diff", "chinook", "--from", "previous", "--to", str(file), "--exit-code").code == 0


def test_another_source_is_compared_by_its_names(changed: Cli, tmp_path: Path) -> None:
    other = tmp_path / "production.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE Genre (GenreId integer PRIMARY KEY)")
    assert changed("scan", f"sqlite:///{other}", "--source-id", "production").code == 0
    page = changed("diff", "chinook", "--with", "production", "--json", "--table", "Genre").json
    assert page["before"]["source_id"] == "production"
    assert {item["path"] for item in page["changes"] if item["change"] == "added"} == {"columns.Name"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nobody",), "No scan of 'nobody'"),
        (("chinook", "--from", "scan-1"), "is no scan of chinook"),
        (("chinook", "--to", "none.json"), "cannot be read"),
        (("chinook", "--from", "a.json", "--to", "b.json"), "a file is compared with the source alone"),
        (("chinook", "--write", "x.json", "--from", "latest"), "--write goes with --to alone"),
        (("chinook", "--map-schema", "a=b"), "nothing to map"),
        (("chinook", "--aspect", "colour"), "colour"),
    ],
)
def test_what_cannot_be_compared_says_why(arguments: tuple[str, ...], text: str, scanned: Cli) -> None:
    answer = scanned("diff", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert text in answer.err


def test_a_catalogue_that_is_rubbish_says_where(scanned: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"factbook_catalog": 1, "tables": [{"schema": "main"}]}))
    answer = scanned("diff", "chinook", "--to", str(tmp_path / "x.json"), "--json")
    assert answer.error["what"] == "x.json is no catalogue"


def test_the_aspects_are_those_of_the_kind() -> None:
    assert tuple(respect.value for respect in Respect) == get_args(Aspect)


def test_a_name_that_steers_a_terminal_is_shown_escaped(scanned: Cli, chinook: Path) -> None:
    change(chinook, 'CREATE TABLE "red\x1b[31m" (id integer)')
    scanned("scan", "chinook")
    assert "\x1b" not in scanned("diff", "chinook").out
