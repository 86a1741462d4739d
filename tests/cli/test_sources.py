"""``factbook sources`` and ``factbook kinds``, ``factbook rebuild``, ``factbook doctor``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Cli


def test_a_source_is_added_listed_tested_and_forgotten(cli: Cli, chinook: Path) -> None:
    assert cli("sources", "add", "shop", f"sqlite:///{chinook}").code == 0
    [listed] = cli("sources", "list", "--json").json
    assert (listed["source_id"], listed["url"], listed["has_password"]) == ("shop", f"sqlite:///{chinook}", False)
    assert "shop" in cli("sources", "list").out
    assert cli("sources", "test", "shop", "--json").json["probe"]["engine"] == "sqlite"
    assert "answers    sqlite" in cli("sources", "test", "shop").out
    assert cli("sources", "remove", "shop").out == "Forgot how to reach shop. Its facts stay.\n"
    assert cli("sources", "list").out == ""


def test_adding_and_removing_answer_in_json(cli: Cli, chinook: Path) -> None:
    assert cli("sources", "add", "shop", f"sqlite:///{chinook}", "--json").json["source_id"] == "shop"
    assert cli("sources", "remove", "shop", "--json").json == {"removed": "shop"}


@pytest.mark.parametrize("verb", ["test", "remove"])
def test_a_source_that_is_not_there_is_said_so(verb: str, cli: Cli) -> None:
    answer = cli("sources", verb, "nowhere")
    assert answer.code == 2
    assert "'nowhere' is not registered" in answer.err


@pytest.mark.parametrize(("source_id", "url"), [("a b", "sqlite:///x"), ("shop", "no-url")])
def test_a_source_that_cannot_be_is_refused(source_id: str, url: str, cli: Cli) -> None:
    assert cli("sources", "add", source_id, url).code == 2


def test_a_registered_source_is_scanned_by_its_name(cli: Cli, chinook: Path) -> None:
    cli("sources", "add", "shop", f"sqlite:///{chinook}")
    assert cli("scan", "shop", "--json").json["job"]["result"]["counts"]["added"] == 11


def test_kinds_are_listed_and_shown_with_their_schema(cli: Cli) -> None:
    assert {"job_run", "schema_snapshot"} <= {kind["name"] for kind in cli("kinds", "list", "--json").json}
    assert "schema_snapshot" in cli("kinds", "list").out
    shown = cli("kinds", "show", "job_run", "--json").json
    assert (shown["version"], shown["schema"]["type"]) == (1, "object")
    assert '"$schema"' in cli("kinds", "show", "job_run").out
    assert cli("kinds", "show", "job_run", "--version", "99").code == 2


def test_rebuilding_changes_nothing_that_can_be_seen(scanned: Cli) -> None:
    before = scanned("dictionary", "--json").json, scanned("jobs", "--json").json
    answer = scanned("rebuild")
    assert answer.code == 0
    assert answer.out.startswith("Rebuilt alerts, dictionary, finding, index, jobs, lineage, names, notes and products from the log")
    assert (scanned("dictionary", "--json").json, scanned("jobs", "--json").json) == before
    assert scanned("rebuild", "--json").json["views"] == [
        "alerts",
        "dictionary",
        "finding",
        "index",
        "jobs",
        "lineage",
        "names",
        "notes",
        "products",
    ]


@pytest.fixture
def with_key(scanned: Cli) -> Cli:
    """Give a command line whose data folder has a key, because a password was stored."""
    scanned("sources", "add", "guarded", "postgresql://me@127.0.0.1:1/x", "--ask-password", stdin="hunter2\n")
    scanned("sources", "remove", "guarded")
    return scanned


def test_the_doctor_finds_a_healthy_house_healthy(with_key: Cli) -> None:
    answer = with_key("doctor", "--json")
    assert answer.code == 0
    verdicts = {check["name"]: check["verdict"] for check in answer.json["checks"]}
    assert verdicts["store"] == verdicts["secret key"] == verdicts["source chinook"] == "ok"
    assert "ok    store" in with_key("doctor").out


def test_the_doctor_says_what_to_do_about_what_is_wrong(with_key: Cli, chinook: Path, data_dir: Path) -> None:
    chinook.unlink()
    (data_dir / "secret.key").chmod(0o644)
    answer = with_key("doctor")
    assert answer.code == 3
    assert "fail  source chinook" in answer.out
    assert f"chmod 600 {data_dir / 'secret.key'}" in answer.out
    assert with_key("doctor", "--no-sources", "--json").json["checks"][-1]["name"] == "sources"


def test_the_doctor_throws_away_past_demos_and_abandoned_drafts_and_nothing_else(scanned: Cli, data_dir: Path) -> None:
    (data_dir / "demo" / "1").mkdir(parents=True)
    (data_dir / "demo" / "1" / "metadb.sqlite").write_bytes(b"x" * 2**20)
    old, new = data_dir / "source_demo.sqlite.0123456789ab", data_dir / "source_demo.sqlite.ba9876543210"
    for draft in (old, new):
        draft.write_bytes(b"")
    an_age_ago = time.time() - 7200
    os.utime(old, (an_age_ago, an_age_ago))
    kept = set(data_dir.iterdir()) - {old}
    removed = scanned("doctor", "--clean", "--json").json["removed"]
    assert [item["path"] for item in removed] == [str(data_dir / "demo" / "1"), str(old)]
    assert removed[0]["size_bytes"] == 2**20
    assert set(data_dir.iterdir()) >= kept - {data_dir / "metadb.sqlite-wal", data_dir / "metadb.sqlite-shm"}
    assert list((data_dir / "demo").iterdir()) == []
