"""``factbook scan``: what it says, and how it ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import Answer, assert_golden, settled

from factbook import demo


def change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def counts(answer: Answer) -> dict[str, int]:
    numbers: dict[str, int] = answer.json["job"]["result"]["counts"]
    return numbers


def test_the_first_scan_says_what_it_read(cli: Cli, chinook: Path, tmp_path: Path) -> None:
    answer = cli("scan", f"sqlite:///{chinook}")
    assert answer.code == 0
    assert_golden("scan-first.txt", settled(answer.out, tmp_path))
    assert settled(answer.err, tmp_path) == "job scan-JOB  |  next: factbook dictionary chinook\n"


def test_the_second_scan_says_unchanged(scanned: Cli, tmp_path: Path) -> None:
    answer = scanned("scan", "chinook")
    assert answer.code == 0
    assert_golden("scan-unchanged.txt", settled(answer.out, tmp_path))


def test_a_changed_table_is_named(scanned: Cli, chinook: Path, tmp_path: Path) -> None:
    demo.change(chinook)
    answer = scanned("scan", "chinook")
    assert answer.code == 0
    assert_golden("scan-changed.txt", settled(answer.out, tmp_path))


def test_the_json_answer_is_one_document_that_says_whether_anything_changed(cli: Cli, chinook: Path) -> None:
    first = cli("scan", f"sqlite:///{chinook}", "--json")
    second = cli("scan", "chinook", "--json")
    assert (first.err, second.err) == ("", "")
    assert (first.json["unchanged"], second.json["unchanged"]) == (False, True)
    assert first.json["job"]["state"] == "succeeded"
    assert counts(first) == {"tables": 11, "added": 11, "changed": 0, "unchanged": 0, "removed": 0, "failed": 0}


def test_quiet_leaves_out_the_hints(cli: Cli, chinook: Path) -> None:
    assert cli("scan", f"sqlite:///{chinook}", "--quiet").err == ""


def test_without_a_source_the_demo_database_is_scanned(cli: Cli, data_dir: Path) -> None:
    answer = cli("scan", "--json")
    assert answer.json["job"]["source_id"] == "source_demo"
    assert (data_dir / "source_demo.sqlite").exists()


def test_a_source_gets_the_name_it_is_given(cli: Cli, chinook: Path) -> None:
    assert cli("scan", f"sqlite:///{chinook}", "--source-id", "shop", "--json").json["job"]["source_id"] == "shop"


def test_patterns_limit_what_is_read_and_are_kept_with_the_run(cli: Cli, chinook: Path) -> None:
    answer = cli("scan", f"sqlite:///{chinook}", "--schema", "main.Inv*", "--schema", "main.Track", "--exclude", "*.InvoiceLine", "--json")
    result = answer.json["job"]["result"]
    assert result["added"] == ["main.Invoice", "main.Track"]
    assert result["scope"] == {"include": ["main.Inv*", "main.Track"], "exclude": ["*.InvoiceLine"]}


def test_a_table_that_cannot_be_read_is_named_and_the_command_says_so_by_its_code(cli: Cli, tmp_path: Path) -> None:
    change(tmp_path / "shop.sqlite", "CREATE TABLE item (id INT)", "CREATE VIEW broken AS SELECT missing FROM item")
    answer = cli("scan", f"sqlite:///{tmp_path / 'shop.sqlite'}")
    assert answer.code == 5
    assert "main.broken   no such column: missing" in answer.out
    assert counts(cli("scan", "shop", "--json"))["failed"] == 1


def test_many_removals_are_held_back_until_somebody_agrees(cli: Cli, tmp_path: Path) -> None:
    shop = tmp_path / "shop.sqlite"
    change(shop, "CREATE TABLE one (id INT)", "CREATE TABLE two (id INT)", "CREATE TABLE three (id INT)")
    cli("scan", f"sqlite:///{shop}")
    change(shop, "DROP TABLE one", "DROP TABLE two")
    held = cli("scan", "shop")
    assert held.code == 6
    assert "--accept-removals" in held.err
    assert len(cli("dictionary", "shop", "--json").json["items"]) == 3
    accepted = cli("scan", "shop", "--accept-removals")
    assert accepted.code == 0
    assert "removed: main.one, main.two" in accepted.out


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("nowhere", 2, "not registered"),
        ("sqlite:////no/such/file.db", 3, "There is no SQLite file"),
        ("oddscheme://host/database", 3, "oddscheme"),
        ("postgresql://${NO_SUCH_VARIABLE}@127.0.0.1/x", 3, "NO_SUCH_VARIABLE"),
        ("postgresql://somebody@127.0.0.1:1/x", 4, "127.0.0.1"),
        ("mysql://somebody@127.0.0.1:1/x", 4, "127.0.0.1"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_by_code_and_words(source: str, code: int, said: str, cli: Cli) -> None:
    answer = cli("scan", source)
    assert answer.code == code
    assert answer.out == ""
    assert said in answer.err


def test_a_failed_scan_is_in_the_job_list_with_its_reason(cli: Cli) -> None:
    cli("scan", "sqlite:////no/such/file.db")
    job = cli("jobs", "--json").json["items"][0]
    assert job["state"] == "failed"
    assert job["error"]["code"] == "source_refused"


def test_names_that_would_be_markup_or_terminal_codes_are_shown_as_text(cli: Cli, tmp_path: Path) -> None:
    change(tmp_path / "odd.sqlite", 'CREATE TABLE "[red]\x1b[2Jtable" ("[/]col" INT, "tab\tcol" INT)')
    answer = cli("scan", f"sqlite:///{tmp_path / 'odd.sqlite'}")
    assert "main.[red]\\x1b[2Jtable" in answer.out
    rows = cli("dictionary", "odd")
    assert "[/]col" in rows.out
    assert "\x1b" not in answer.out + rows.out
    assert {row["column"] for row in cli("dictionary", "odd", "--json").json["items"]} == {"[/]col", "tab\tcol"}
