"""``factbook lint``: findings for people, for programs and for GitHub, and an exit code for CI."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import assert_golden, settled


def note(cli: Cli, table: str, *notes: dict[str, str], produced_at: str = "2026-01-01T00:00:00Z") -> None:
    """Annotate a table of the sample database."""
    record = {
        "target": {"source_id": "chinook", "schema": "main", "table": table},
        "kind": "annotation",
        "payload": {"author_type": "person", "notes": list(notes)},
        "produced_at": produced_at,
        "producer_id": "ada",
    }
    assert cli("records", "store", "-", stdin=json.dumps(record)).code == 0


def test_the_lint_is_the_one_we_looked_at(scanned: Cli, tmp_path: Path) -> None:
    note(scanned, "Genre", {"property": "description", "value": "Rock, Jazz …"}, {"property": "owner", "value": "Catalogue team"})
    answer = scanned("lint", "chinook", "--since", "2020-01-01", "--limit", "30")
    assert answer.code == 0
    assert_golden("lint.txt", settled(answer.out, tmp_path))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 0, ""),
        (["--fail-under", "0"], 0, ""),
        (["--fail-under", "1"], 1, "0.0% is documented, and 1.0% is asked for"),
        (["--fail-on", "error"], 0, ""),
        (["--fail-on", "warning"], 1, "75 of severity warning or worse"),
        (["--only", "key", "--fail-on", "info"], 0, ""),
    ],
)
def test_the_exit_code_says_whether_it_passes(arguments: list[str], code: int, said: str, scanned: Cli) -> None:
    answer = scanned("lint", "chinook", "--limit", "10000", *arguments)
    assert (answer.code, said in answer.err) == (code, True)
    assert bool(answer.err) is bool(code)


def test_json_is_one_document_whose_pages_join(scanned: Cli) -> None:
    first = scanned("lint", "chinook", "--json", "--limit", "60").json
    second = scanned("lint", "chinook", "--json", "--limit", "60", "--cursor", first["next_cursor"]).json
    assert len(first["items"]) + len(second["items"]) == sum(first["counts"].values()) == 102
    assert second["next_cursor"] is None
    assert first["coverage"][0]["columns"] == {"documented": 0, "total": 64}


def test_json_stays_json_where_it_does_not_pass(scanned: Cli) -> None:
    answer = scanned("lint", "chinook", "--json", "--fail-under", "50")
    assert (answer.code, answer.json["share"]) == (1, 0.0)


def test_annotations_for_github_are_one_line_each(cli: Cli, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "odd.sqlite")) as connection, connection:
        connection.execute('CREATE TABLE "a,b:c%\nd" ("x y" INT)')
    assert cli("scan", f"sqlite:///{tmp_path / 'odd.sqlite'}").code == 0
    lines = cli("lint", "odd", "--format", "github").out.splitlines()
    assert lines[0] == "::error title=key main.a%2Cb%3Ac%25%0Ad::nothing tells its rows apart: add a primary key or a unique constraint"
    assert {line.split(" ")[0] for line in lines} == {"::error", "::warning", "::notice"}


def test_a_rules_file_decides(scanned: Cli, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules: {column_description: off, table_owner: error}\n"
        "ignore:\n"
        "  - {table: main.Playlist*, reason: Made by listeners}\n"
        "  - {table: main.Gone, reason: It was there once}\n"
    )
    answer = scanned("lint", "chinook", "--rules", str(rules), "--fail-on", "error")
    assert answer.code == 1
    assert "Playlist" not in answer.out
    assert "excuses nothing any more: It was there once" in answer.err
    assert scanned("lint", "chinook", "--rules", str(rules), "--json").json["counts"]["error"] == 9


def test_a_wrong_rules_file_is_a_wrong_request(scanned: Cli, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: {kee: off}")
    answer = scanned("lint", "chinook", "--rules", str(tmp_path / "rules.yaml"))
    assert answer.code == 2
    assert "rules.kee" in answer.err


def test_it_works_without_the_source(scanned: Cli, chinook: Path) -> None:
    chinook.unlink()
    assert scanned("lint", "chinook").code == 0


def test_a_source_that_nobody_scanned_is_no_such_source(cli: Cli) -> None:
    assert cli("lint", "nowhere").code == 2


def test_a_moment_before_the_first_scan_has_nothing_to_judge(scanned: Cli) -> None:
    found = scanned("lint", "chinook", "--as-of", "2020-01-01", "--json").json
    assert (found["items"], found["share"]) == ([], 1.0)
