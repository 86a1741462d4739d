"""What is not a number lies in no range, though engines sort it above every number."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest

from factbook.app import Factbook
from factbook.quality.job import Rulebook
from factbook.settings import load_settings

RULES = """
tables:
  - table: '*.figures'
    checks:
      - {range: {column: f, min: 0}, id: f}
      - {range: {column: n, min: 0}, id: n}
"""


@pytest.fixture(params=["postgres", "duckdb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "duckdb":
        with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
            shop.execute("CREATE TABLE figures (f DOUBLE, n INTEGER)")
            shop.execute("INSERT INTO figures VALUES ('NaN', 1), (1, 2), (NULL, NULL)")
        return f"duckdb:///{tmp_path}/shop.duckdb"
    address: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(address, autocommit=True) as shop:
        shop.execute("DROP TABLE IF EXISTS figures")
        shop.execute("CREATE TABLE figures (f numeric, n integer)")
        shop.execute("INSERT INTO figures VALUES ('NaN', 1), (1, 2), (NULL, NULL)")
    return address


def test_what_is_not_a_number_lies_in_no_range(url: str, tmp_path: Path) -> None:
    with closing(Factbook(load_settings({"DATA_DIR": str(tmp_path / "data")}))) as factbook:
        factbook.run_scan(url, source_id="shop")
        factbook.own.run_quality("shop", rules=Rulebook("rules.yaml", RULES))
        found = {item.record.payload["rule"]: item.record.payload for item in factbook.repository.query("quality_result").records}
    assert {name: (one["outcome"], one["rows_failed"]) for name, one in found.items()} == {"f": ("failed", 1), "n": ("passed", 0)}
