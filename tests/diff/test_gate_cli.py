"""``factbook gate`` ends with 0, 1 or 2 and nothing else, and says why."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import cli, data_dir
from tests.diff import junit_schema

__all__ = ["cli", "data_dir"]


def execute(file: Path, script: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(script)


@pytest.fixture
def shop(cli, tmp_path):
    """Give a scanned database in a file, and its source in the registry as ``shop``."""
    file = tmp_path / "shop.sqlite"
    execute(file, "CREATE TABLE orders (id integer PRIMARY KEY, total numeric NOT NULL, note text); CREATE TABLE people (id integer)")
    assert cli("scan", f"sqlite:///{file}", "--source-id", "shop").code == 0
    return file


@pytest.fixture
def broken(cli, shop):
    execute(shop, "ALTER TABLE orders DROP COLUMN total")
    assert cli("scan", "shop").code == 0
    return shop


def test_a_pass_ends_with_0_and_a_break_with_1(cli, shop):
    execute(shop, "ALTER TABLE orders ADD COLUMN more text")
    cli("scan", "shop")
    passed = cli("gate", "shop")
    assert (passed.code, passed.out.splitlines()[0]) == (0, "shop passes: nothing breaking.")
    execute(shop, "ALTER TABLE orders DROP COLUMN total")
    cli("scan", "shop")
    failed = cli("gate", "shop")
    assert failed.code == 1
    assert failed.out.startswith("shop does not pass: 1 breaking change for readers and writers.\n")
    assert "main.orders columns.total" in failed.out
    assert "No lineage is known" in failed.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody"],
        ["shop", "--from", "no-such-run"],
        ["shop", "--from", "1999-01-01"],
        ["shop", "--fail-on", "bad"],
        ["shop", "--breaks", "bad"],
        ["shop", "--format", "bad"],
        ["shop", "--reads", "main.nothing"],
        ["shop", "--max-age", "soon"],
        ["shop", "--max-age", "0s"],
        ["shop", "--table", "orders", "--reads", "main.orders"],
        ["shop", "--rules", "no-such-file.yaml"],
        ["shop", "--no-such-option"],
        ["shop", "--with", "nobody"],
        ["shop", "--junit", "no/such/folder/report.xml"],
        [],
    ],
)
def test_whatever_cannot_be_told_ends_with_2(cli, broken, arguments):
    answer = cli("gate", *arguments)
    assert (answer.code, bool(answer.err)) == (2, True)


def test_a_store_that_is_away_ends_with_2_and_not_with_the_code_of_its_family(cli, broken, monkeypatch):
    monkeypatch.setenv("FACTBOOK_META_DB_URL", "postgresql://nobody@127.0.0.1:1/nowhere?connect_timeout=2")
    answer = cli("gate", "shop", "--json")
    assert (answer.code, answer.out, answer.error["exit_code"]) == (2, "", 2)


def test_a_first_scan_has_nothing_to_compare_with(cli, shop):
    assert cli("gate", "shop").code == 2


def test_scan_judges_what_is_so_now(cli, shop):
    execute(shop, "ALTER TABLE orders DROP COLUMN total")
    answer = cli("gate", "shop", "--scan", "--max-age", "1h", "--json")
    assert (answer.code, answer.json["passed"], answer.json["changes"][0]["path"]) == (1, False, "columns.total")
    assert [job["job_type"] for job in cli("jobs", "--json").json["items"]] == ["scan", "scan"]


def test_a_scan_that_cannot_be_made_ends_with_2(cli, shop):
    shop.unlink()
    assert cli("gate", "shop", "--scan").code == 2


def test_removals_that_wait_for_consent_cannot_be_judged(cli, shop):
    execute(shop, "DROP TABLE orders")
    assert cli("gate", "shop", "--scan").code == 2
    assert cli("gate", "shop", "--from", "previous", "--to", "latest").code == 2
    assert cli("gate", "shop", "--scan", "--accept-removals").code == 1


def test_the_rules_of_this_call_count(cli, broken, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("sources: {shop: [{rule: column_removed, on: main.orders.total, ignore: true, reason: nobody reads it}]}")
    answer = cli("gate", "shop", "--rules", str(rules))
    assert (answer.code, "1 change ignored by rule" in answer.err) == (0, True)


def test_the_rules_in_the_data_folder_count(cli, broken, data_dir):
    (data_dir / "verdict-rules.yaml").write_text("sources: {'*': [{rule: column_removed, severity: risky}]}")
    assert cli("gate", "shop").code == 0
    assert cli("gate", "shop", "--fail-on", "risky").code == 1
    (data_dir / "verdict-rules.yaml").write_text("sources: 1")
    assert cli("gate", "shop").code == 2


def test_an_accepted_change_passes(cli, broken):
    identifier = cli("gate", "shop", "--json").json["changes"][0]["id"]
    assert cli("gate", "shop", "--accept", identifier).code == 0


def test_a_junit_report_is_written_for_every_outcome(cli, broken, tmp_path):
    file = tmp_path / "report.xml"
    outcomes = []
    for arguments in (["--reads", "main.people"], [], ["--max-age", "1s", "--from", "x"]):
        cli("gate", "shop", *arguments, "--junit", str(file))
        suite = junit_schema.read(file.read_text())
        outcomes.append((suite.attrib["failures"], suite.attrib["errors"]))
    assert outcomes == [("0", "0"), ("1", "0"), ("0", "1")]


def test_a_report_that_cannot_be_written_is_told_as_such_and_no_pass(cli, shop, broken):
    answer = cli("gate", "shop", "--reads", "main.people", "--junit", "no/such/folder/report.xml", "--json")
    assert (answer.code, answer.out, answer.error["code"]) == (2, "", "configuration")


def test_github_gets_commands_alone_and_a_summary_that_is_added_to(cli, broken, tmp_path, monkeypatch):
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    answer = cli("gate", "shop", "--format", "github")
    assert answer.code == 1
    assert all(line.startswith("::") for line in answer.out.splitlines())
    assert answer.out.startswith("::error title=main.orders columns.total%3A column_removed::the column is gone")
    text = file.read_text()
    assert text.startswith("before\n### shop does not pass")


def test_a_tables_name_steers_no_terminal_and_makes_no_line_of_its_own(cli, shop):
    execute(shop, 'CREATE TABLE "x\x1b[31m\n::error::y" (a integer, b integer)')
    cli("scan", "shop")
    execute(shop, 'ALTER TABLE "x\x1b[31m\n::error::y" DROP COLUMN b')
    cli("scan", "shop")
    for form in ("text", "github"):
        answer = cli("gate", "shop", "--format", form)
        assert answer.code == 1
        assert "\x1b" not in answer.out
        assert not any(line.startswith("::error::y") for line in answer.out.splitlines())
