"""A moment that lies in the future tells nothing of how fresh a table is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from factbook.app import Factbook
from factbook.quality.job import Rulebook
from factbook.settings import load_settings

RULES = "tables:\n  - table: main.loads\n    checks:\n      - {freshness: {column: at, max_age: 1d}, id: fresh}\n"


def test_one_row_of_the_future_does_not_make_a_dead_table_fresh(tmp_path: Path) -> None:
    """It used to pass for ever."""
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as shop, shop:
        shop.execute("CREATE TABLE loads (at timestamp)")
        shop.execute("INSERT INTO loads VALUES ('2020-01-01 00:00:00'), ('2099-01-01 00:00:00')")
    with closing(Factbook(load_settings({"DATA_DIR": str(tmp_path / "data")}))) as factbook:
        factbook.run_scan(f"sqlite:///{tmp_path}/shop.sqlite", source_id="shop")
        factbook.own.run_quality("shop", rules=Rulebook("rules.yaml", RULES))
        [found] = factbook.repository.query("quality_result").records
    assert found.record.payload is not None
    assert (found.record.payload["outcome"], "future" in found.record.payload["reason"]) == ("error", True)
