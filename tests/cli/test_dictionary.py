"""``factbook dictionary``: tables for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import assert_golden, settled


def columns(cli: Cli, *arguments: str) -> list[str]:
    rows: list[dict[str, Any]] = cli("dictionary", *arguments, "--json", "--limit", "1000").json["items"]
    return [f"{row['table']}.{row['column']}" for row in rows]


def test_the_dictionary_is_the_one_we_looked_at(scanned: Cli, tmp_path: Path) -> None:
    answer = scanned("dictionary", "chinook", "--limit", "200")
    assert answer.err == ""
    assert_golden("dictionary.txt", settled(answer.out, tmp_path))


def test_a_row_holds_everything_known_of_a_column(scanned: Cli) -> None:
    [row] = scanned("dictionary", "--search", "BillingPostalCode", "--json").json["items"]
    assert row["qualified_name"] == "chinook.main.Invoice.BillingPostalCode"
    assert row["data_type"] == "NVARCHAR(10)"
    assert row["attributes"]["length"] == 10
    assert row["removed_at"] is None


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--table", "Genre"], ["Genre.GenreId", "Genre.Name"]),
        (["--table", "Invoice*", "--primary-key"], ["Invoice.InvoiceId", "InvoiceLine.InvoiceLineId"]),
        (["--schema", "ma?n", "--table", "Album", "--foreign-key"], ["Album.ArtistId"]),
        (["--type", "numeric"], ["Invoice.Total", "InvoiceLine.UnitPrice", "Track.UnitPrice"]),
        (["--table", "MediaType", "--nullable"], ["MediaType.Name"]),
        (["--table", "MediaType", "--not-nullable"], ["MediaType.MediaTypeId"]),
        (["--search", "support rep"], ["Customer.SupportRepId"]),
        (["--search", "reports"], ["Employee.ReportsTo"]),
        (["nobody"], []),
    ],
)
def test_filters_narrow_it_down(arguments: list[str], found: list[str], scanned: Cli) -> None:
    assert columns(scanned, *arguments) == found


def test_nothing_found_is_said_on_stderr_and_is_no_error(cli: Cli) -> None:
    answer = cli("dictionary")
    assert (answer.code, answer.out) == (0, "")
    assert "factbook scan" in answer.err
    assert cli("dictionary", "--json").json == {"items": [], "next_cursor": None, "as_of": None}


def test_csv_has_a_header_and_a_line_for_every_column(scanned: Cli) -> None:
    answer = scanned("dictionary", "--csv", "--limit", "1000")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert answer.err == ""
    assert len(rows) == 64
    assert rows[0]["qualified_name"] == "chinook.main.Album.AlbumId"
    assert (rows[0]["primary_key"], rows[0]["nullable"]) == ("true", "false")


def test_pages_joined_are_the_whole(scanned: Cli) -> None:
    found: list[str] = []
    arguments: list[str] = []
    while True:
        page = scanned("dictionary", "--limit", "25", "--json", *arguments).json
        found += [row["key"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        arguments = ["--cursor", page["next_cursor"]]
    assert len(found) == len(set(found)) == 64


def test_where_more_follows_the_next_page_is_named_on_stderr(scanned: Cli) -> None:
    answer = scanned("dictionary", "--limit", "2")
    cursor = answer.err.split("--cursor ")[1].strip()
    assert "ArtistId" in scanned("dictionary", "--limit", "2", "--cursor", cursor).out


def test_it_shows_a_moment_of_the_past(scanned: Cli, chinook: Path) -> None:
    before = datetime.now(UTC).isoformat()
    with closing(sqlite3.connect(chinook)) as connection, connection:
        connection.execute("ALTER TABLE Genre ADD COLUMN Mood TEXT")
    scanned("scan", "chinook")
    assert columns(scanned, "--table", "Genre") == ["Genre.GenreId", "Genre.Name", "Genre.Mood"]
    assert columns(scanned, "--table", "Genre", "--as-of", before) == ["Genre.GenreId", "Genre.Name"]
    assert columns(scanned, "--as-of", "2001-01-01") == []


def test_what_is_gone_is_shown_on_request_with_when(scanned: Cli, chinook: Path) -> None:
    with closing(sqlite3.connect(chinook)) as connection, connection:
        connection.execute("DROP TABLE PlaylistTrack")
    scanned("scan", "chinook")
    assert columns(scanned, "--table", "PlaylistTrack") == []
    rows = scanned("dictionary", "--table", "PlaylistTrack", "--removed", "--json").json["items"]
    assert [row["removed_at"] is not None for row in rows] == [True, True]
    assert "removed" in scanned("dictionary", "--table", "PlaylistTrack", "--removed").out.splitlines()[0]


def test_a_piped_table_is_never_cut_or_folded(cli: Cli, tmp_path: Path) -> None:
    name = "a_name_far_longer_than_any_terminal_is_wide_" * 8
    with closing(sqlite3.connect(tmp_path / "wide.sqlite")) as connection, connection:
        connection.execute(f"CREATE TABLE {name} ({name} INT)")
    cli("scan", f"sqlite:///{tmp_path / 'wide.sqlite'}")
    lines = cli("dictionary", "wide").out.splitlines()
    assert len(lines) == 3
    assert lines[2].split()[:2] == [f"main.{name}", name]


def test_a_cursor_of_somebody_else_is_refused(scanned: Cli) -> None:
    assert scanned("dictionary", "--cursor", "made-up").code == 2
