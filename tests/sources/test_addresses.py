"""Which source is meant, and what is shown of where it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from factbook.app import Factbook
from factbook.errors import TemporaryError
from factbook.settings import load_settings


@pytest.fixture
def factbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WHERE_IT_LIES", str(tmp_path))
    with closing(Factbook(load_settings({"DATA_DIR": str(tmp_path / "data")}))) as house:
        yield house


def make_shop(tmp_path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_what_a_reference_stands_for_is_not_shown(factbook: Factbook, tmp_path: Path) -> None:
    """It used to stand in the job's parameters: whoever could name a URL could read the server's environment."""
    make_shop(tmp_path, "CREATE TABLE orders (id integer)")
    outcome = factbook.run_scan("sqlite:///${WHERE_IT_LIES}/shop.sqlite", source_id="shop")
    again = factbook.run_scan("shop")
    for job in (outcome.job, again.job):
        assert job.parameters["url"].startswith("sqlite:///${WHERE_IT_LIES}")


def test_a_scan_waits_for_its_diff_while_the_verdict_rules_are_wrong(factbook: Factbook, tmp_path: Path) -> None:
    """It used to be passed over, so that its changes were never told."""
    make_shop(tmp_path, "CREATE TABLE orders (id integer)", "CREATE TABLE lines (id integer)")
    factbook.run_scan(f"sqlite:///{tmp_path}/shop.sqlite", source_id="shop")
    rules = tmp_path / "data" / "verdict-rules.yaml"
    rules.write_text("nonsense: [")
    make_shop(tmp_path, "DROP TABLE lines")
    factbook.run_scan("shop", accept_removals=True)
    with pytest.raises(TemporaryError, match=r"verdict-rules\.yaml"):
        factbook.watcher.run_once()
    rules.unlink()
    factbook.watcher.run_once()
    [found] = factbook.repository.query("catalog_diff").records
    assert found.record.payload is not None
    assert [change["table"] for change in found.record.payload["changes"]] == ["lines"]
