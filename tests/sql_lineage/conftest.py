"""One process that reads SQL for the tests of a module, and a log to read into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.sql_lineage.asking import House

from factbook.lineage.sql import SqlReader


@pytest.fixture(scope="session")
def reader() -> Iterator[SqlReader]:
    reader = SqlReader()
    yield reader
    reader.close()


@pytest.fixture
def house(reader: SqlReader) -> House:
    return House(reader)


@pytest.fixture
def shop(house: House, tmp_path: Path) -> House:
    """Give a log with a scan of a small shop."""
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.executescript("""
            CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, amount REAL, state TEXT);
            CREATE TABLE totals (customer_id INTEGER, total REAL);
            CREATE VIEW big AS SELECT * FROM orders WHERE amount > 100;
            CREATE VIEW spent AS SELECT c.name, sum(b.amount) AS total FROM customer c JOIN big b ON b.customer_id = c.id GROUP BY c.name;
        """)
    house.scan(f"sqlite:///{tmp_path / 'shop.sqlite'}", "shop")
    return house
