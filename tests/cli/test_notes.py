"""``factbook notes`` and ``factbook glossary``: say, see, judge, and keep in git."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

GENRE = "chinook/main/Genre"


def test_what_is_said_is_shown_with_who_says_it(scanned: Cli) -> None:
    assert scanned("notes", "set", GENRE, "--description", "Kinds of music", "--tag", "core", "--author", "person:ann").code == 0
    assert scanned("notes", "add", GENRE, "--tag", "gold", "--author", "person:ann").code == 0
    assert scanned("notes", "set", f"{GENRE}/Name", "--classification", "public", "--custom", "unit=none", "--certified", "yes").code == 0
    shown = scanned("notes", "show", GENRE)
    assert shown.code == 0
    for words in (GENRE, "Kinds of music", "person:ann", "gold", f"{GENRE}/Name", "public", "unit", "certified"):
        assert words in shown.out
    assert scanned("notes", "remove", GENRE, "--tag", "core", "--author", "person:ann").code == 0
    assert [item["value"] for item in scanned("notes", "show", GENRE, "--json").json["items"][0]["tags"]] == ["gold"]
    assert "gold" in scanned("notes", "search", "--tag", "gold").out
    assert scanned("notes", "search", "MUSIC", "--json").json["items"][0]["place"] == GENRE
    assert scanned("notes", "history", GENRE).out.count("person:ann") == 3
    assert scanned("notes", "remove", GENRE, "--all", "--author", "person:ann", "--json").json["version"] == "none"
    assert "took everything back" in scanned("notes", "history", GENRE).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nowhere"),
        ("show", "a//b"),
        ("set", "chinook/main/Nothing", "--tag", "a"),
        ("set", GENRE, "--tag", "a", "--author", "ann"),
        ("set", GENRE, "--custom", "a"),
        ("remove", GENRE),
        ("remove", GENRE, "--property", "colour"),
        ("add", GENRE, "--tag", "a", "--expected", "0" * 32),
        ("export", "chinook"),
        ("import", "missing.yaml"),
        ("suggest", "chinook", "--accept", "0" * 16),
    ],
)
def test_a_wrong_request_is_told_apart(arguments: tuple[str, ...], scanned: Cli) -> None:
    assert scanned("notes", *arguments).code == 2


def test_notes_go_to_git_and_come_back(scanned: Cli, tmp_path: Path) -> None:
    scanned("notes", "set", GENRE, "--description", "Kinds of music", "--owner", "Catalogue team", "--author", "person:ann")
    file = tmp_path / "notes.yaml"
    assert scanned("notes", "export", "chinook", "-o", str(file), "--author", "person:ann").code == 0
    assert scanned("notes", "export", "chinook", "--author", "person:ann").out == file.read_text()
    assert "0 added, 0 changed, 0 removed" in scanned("notes", "import", str(file)).out
    file.write_text(file.read_text().replace("Kinds of music", "Genres"))
    planned = scanned("notes", "import", str(file), "--dry-run")
    assert "0 added, 1 changed, 0 removed if it were no dry run" in planned.out
    assert "Genres" not in scanned("notes", "show", GENRE).out
    assert scanned("notes", "import", str(file), "--json").json["counts"] == {"add": 0, "change": 1, "remove": 0}
    assert "Genres" in scanned("notes", "show", GENRE).out
    file.write_text(file.read_text().replace("table: Genre", "table: Genres"))
    wrong = scanned("notes", "import", str(file))
    assert (wrong.code, "line 6, chinook/main/Genres" in wrong.err or "line 5, chinook/main/Genres" in wrong.err) == (2, True)


def test_suggestions_are_shown_and_judged(scanned: Cli) -> None:
    payload = {"author_type": "agent", "notes": [{"property": "tag", "value": value, "confidence": 0.5} for value in ("a", "b")]}
    target = {"source_id": "chinook", "schema": "main", "table": "Genre"}
    record = {"target": target, "kind": "annotation", "payload": payload, "produced_at": "2026-01-01T00:00:00Z", "producer_id": "agent:x"}
    assert scanned("records", "store", "-", stdin=json.dumps(record)).code == 0
    first, second = (item["id"] for item in scanned("notes", "suggest", "chinook", "--json").json["items"])
    assert "agent:x" in scanned("notes", "suggest", "chinook").out
    assert scanned("notes", "suggest", "chinook", "--accept", first, "--reject", second, "--reason", "Seen").code == 0
    assert "Nothing waits" in scanned("notes", "suggest", "chinook").all
    assert "rejected" in scanned("notes", "show", GENRE).out


def test_a_glossary_is_kept(cli: Cli, tmp_path: Path) -> None:
    assert cli("glossary", "set", "party", "--name", "Party").code == 0
    made = cli("glossary", "set", "customer", "--name", "Customer", "--relation", "broader:party", "--relation", "related:gone")
    assert (made.code, "gone" in made.err) == (0, True)
    assert cli("glossary", "set", "customer", "--definition", "Whoever buys", "--status", "approved").code == 0
    shown = cli("glossary", "show", "customer")
    for words in ("Whoever buys", "party", "gone", "approved"):
        assert words in shown.out
    assert cli("glossary", "list", "--tree").out == "Party (party)\n  Customer (customer)\n"
    assert "Whoever buys" in cli("glossary", "list", "buys").out
    file = tmp_path / "glossary.yaml"
    assert cli("glossary", "export", "-o", str(file)).code == 0
    assert "0 terms changed" in cli("glossary", "import", str(file)).out
    as_json = cli("glossary", "export", "--json")
    assert as_json.json["terms"][0]["key"] == "customer"
    (tmp_path / "glossary.json").write_text(as_json.out)
    assert "0 terms changed" in cli("glossary", "import", str(tmp_path / "glossary.json")).out
    assert cli("glossary", "remove", "customer", "--json").json == {"key": "customer", "removed": True}
    assert "1 term would change" in cli("glossary", "import", str(file), "--dry-run").out
    assert cli("glossary", "import", str(file), "--json").json["changes"][0]["key"] == "customer"
    for arguments in (
        ("set", "new"),
        ("set", "party", "--status", "done"),
        ("set", "party", "--name", "P", "--relation", "broader:customer"),
        ("show", "x"),
    ):
        assert cli("glossary", *arguments).code == 2


def test_the_dictionary_shows_what_people_say_before_comments(scanned: Cli) -> None:
    scanned("notes", "set", f"{GENRE}/Name", "--description", "What it is called", "--tag", "label")
    scanned("notes", "set", GENRE, "--owner", "Catalogue team")
    shown = scanned("dictionary", "chinook", "--table", "Genre").out
    for words in ("What it is called", "label", "Catalogue team"):
        assert words in shown
    assert "What it is called" not in scanned("dictionary", "chinook", "--table", "Genre", "--as-of", "2020-01-01").out
