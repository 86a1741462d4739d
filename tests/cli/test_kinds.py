"""``factbook kinds``: register, check, deprecate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.kinds.houses import SCHEMA, with_field

KIND = {"name": "weather", "category": "event", "description": "How warm it was.", "schema": SCHEMA}


def line(celsius: float) -> str:
    return json.dumps(
        {
            "target": {"source_id": "roof"},
            "kind": "weather",
            "payload": {"celsius": celsius},
            "produced_at": "2026-01-01T00:00:00Z",
            "producer_id": "s.v1",
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(**changes: Any) -> str:
        path = tmp_path / "weather.json"
        path.write_text(json.dumps(KIND | changes))
        return str(path)

    return write


def test_a_kind_is_checked_registered_and_extended(cli: Cli, file: Any) -> None:
    assert cli("kinds", "check", file()).out == "weather is new: it would begin with version 1.\n"
    assert cli("kinds", "register", file()).out == "weather version 1 is registered.\n"
    assert cli("kinds", "register", file()).out == "weather version 1 was registered already.\n"
    assert cli("kinds", "check", file()).out == "weather version 1 has this schema already.\n"
    assert (
        cli("kinds", "register", file(schema=with_field("station"), indexed=["payload.celsius"])).out.splitlines()[0]
        == "weather has version 2 now."
    )
    shown = cli("kinds", "show", "weather").out
    assert "indexed        payload.celsius" in shown
    assert '"station"' in shown
    assert cli("kinds", "show", "weather", "--version", "1", "--json").json["schema"] == SCHEMA
    assert "registered" in cli("kinds", "list").out
    assert cli("kinds", "register", "-", stdin=json.dumps(KIND | {"description": "Other."})).out.startswith("weather is changed")


def test_a_version_that_breaks_readers_is_explained_and_ends_with_exit_code_2(cli: Cli, file: Any) -> None:
    cli("kinds", "register", file())
    breaking = file(schema=SCHEMA | {"properties": {"celsius": {"type": "integer"}}})
    checked = cli("kinds", "check", breaking)
    assert checked.code == 2
    assert "Version 2 of weather would not be backward compatible." in checked.out
    assert (
        "payload.celsius   the type was number and is integer   readers of the new version, by records of the old one   yes" in checked.out
    )
    assert cli("kinds", "check", breaking, "--json").json["verdict"] == "breaking"
    refused = cli("kinds", "register", breaking)
    assert refused.code == 2
    assert "payload.celsius: the type was number and is integer" in refused.err


def test_a_deprecated_kind_warns_those_who_store_it(cli: Cli, file: Any) -> None:
    cli("kinds", "register", file())
    assert cli("kinds", "deprecate", "weather").code == 2
    assert "since" in cli("kinds", "deprecate", "weather", "--reason", "too coarse", "--successor", "climate").out
    stored = cli("records", "store", stdin=line(1) + "\n" + line(2))
    assert stored.code == 0
    assert "warning: weather version 1 is deprecated since" in stored.err
    assert len(cli("records", "store", "--json", stdin=line(3)).json["warnings"]) == 1
    cli("kinds", "deprecate", "weather", "--reason", "gone", "--retires-at", "2020-01-01")
    assert "retired" in cli("records", "store", stdin=line(4)).out
    cli("kinds", "deprecate", "weather", "--undo")
    assert cli("records", "store", "--json", stdin=line(5)).json == {
        "counts": {"stored": 1, "duplicate": 0, "unchanged": 0, "rejected": 0},
        "refused": [],
    }


def test_a_query_says_how_it_would_find_its_records(cli: Cli, file: Any) -> None:
    cli("kinds", "register", file(indexed=["payload.celsius"]))
    cli("records", "store", stdin="\n".join(line(number) for number in range(9)))
    plan = cli("records", "query", "weather", "--where", "payload.celsius<3", "--explain")
    assert "index   payload.celsius" in plan.out.replace("  ", "   ").replace("    ", "   ")
    assert "index_numbers" in plan.out
    assert cli("records", "query", "weather", "--explain", "--json").json["index"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no kind"),
        ("[]", "is no kind"),
        ('{"name": "x"}', "is no kind"),
        ("[" * 10_000, "is no kind"),
        ('{"name":"\xff"}', "is no kind"),
    ],
)
def test_a_file_that_holds_no_kind_is_refused(cli: Cli, text: str, said: str) -> None:
    answer = cli("kinds", "register", "-", stdin=text)
    assert answer.code == 2
    assert said in answer.err
    assert cli("kinds", "register", "/nowhere").code == 2


def test_kinds_that_nobody_registered_are_listed_as_unverified(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is unknown" in cli("records", "store", stdin=line(1)).out
    monkeypatch.setenv("FACTBOOK_UNVERIFIED_TENANTS", "def*")
    assert "kept as unverified" in cli("records", "store", stdin=line(1)).err
    assert "unverified" in cli("kinds", "list").out
    assert cli("kinds", "show", "weather", "--json").json["schema"] is None
    assert "unverified" in cli("kinds", "show", "weather").out
    assert len(cli("records", "query", "weather", "--json").lines) == 1
