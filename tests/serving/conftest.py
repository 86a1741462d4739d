"""One table with hostile names and all sorts of columns on every engine, bound to a product and served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from factbook.app import Factbook
from factbook.products import NewProduct
from factbook.products.model import NewPort, TablePlace
from factbook.serving import Serving
from factbook.serving.model import Rows
from factbook.settings import load_settings

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")

HOSTILE = 'we"ird `%s; -- col'
"""A column's name that breaks out wherever it is not quoted."""

_TYPES = {
    "sqlite": ("INTEGER", "DATETIME", "BOOLEAN"),
    "duckdb": ("INTEGER", "TIMESTAMP", "BOOLEAN"),
    "postgresql": ("integer", "timestamp", "boolean"),
    "mariadb": ("integer", "datetime", "tinyint(1)"),
}

ROWS = [
    # id, name, amount, placed, at, active, hostile, card
    (1, "Ada", "10.50", "2023-07-01", "2023-07-01 00:00:00", 1, "x", "4111"),
    (2, "Bob's; DROP TABLE orders", "20.00", "2023-07-02", "2023-07-31 23:59:59", 0, None, "4222"),
    (3, "100%_!\\", "0.05", "2023-07-31", "2023-08-01 00:00:00", 1, "z", "4333"),
    (4, None, None, "2023-08-01", None, None, "x", "4444"),
    (5, "Éva 💎", "99999999.99", None, "2023-06-30 12:00:00", 1, "y", "4555"),
]

SCHEMA = {
    "id": "integer",
    "name": "string",
    "amount": "decimal",
    "placed": {"type": "date", "role": "date"},
    "at": "datetime",
    "active": "boolean",
    HOSTILE: "string",
    "card": {"type": "string", "classification": "PII"},
}

Read = Callable[..., Rows]


def statements(engine: str) -> list[tuple[str, Sequence[Any]]]:
    number, moment, flag = _TYPES[engine]
    mark = "`" if engine == "mariadb" else '"'
    hostile = mark + HOSTILE.replace(mark, mark * 2) + mark
    if engine in ("postgresql", "mariadb"):
        hostile = hostile.replace("%", "%%")
    place = "?" if engine in ("sqlite", "duckdb") else "%s"
    made = (
        f"CREATE TABLE orders (id {number} PRIMARY KEY, name varchar(80), amount numeric(10, 2), placed date, at_ {moment} NULL, "
        f"active {flag}, {hostile} varchar(20), card varchar(20))"
    ).replace("at_", f"{mark}at{mark}")
    rows = [
        (*row[:5], None if row[5] is None else bool(row[5]) if engine in ("postgresql", "duckdb") else row[5], *row[6:]) for row in ROWS
    ]
    insert = f"INSERT INTO orders VALUES ({', '.join([place] * 8)})"
    return [(made.replace("%%", "%"), ()), *((insert, row) for row in rows)]


def make_table(engine: str, url: str) -> None:
    done = statements(engine)
    parts = urlsplit(url)
    with ExitStack() as stack:
        if engine == "sqlite":
            import sqlite3

            connection: Any = stack.enter_context(closing(sqlite3.connect(url.removeprefix("sqlite:///"))))
        elif engine == "duckdb":
            import duckdb

            connection = stack.enter_context(closing(duckdb.connect(url.removeprefix("duckdb:///"))))
        elif engine == "postgresql":
            import psycopg

            connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        else:
            import pymysql

            connection = stack.enter_context(
                pymysql.connect(
                    host=parts.hostname,
                    port=parts.port or 3306,
                    user=parts.username,
                    password=parts.password or "",
                    database=parts.path.strip("/"),
                    autocommit=True,
                    charset="utf8mb4",
                )
            )
        runner = connection.cursor() if engine == "mariadb" else connection
        for text, values in done:
            if values:
                runner.execute(text, values)
            else:
                runner.execute(text)
        if engine == "sqlite":
            connection.commit()


class Served(Factbook):
    """A house that serves the table ``orders`` of a source ``shop`` as /sales/orders."""

    engine: str
    schema: str

    def read(self, **parameters: Any) -> Rows:
        """Read a page by parameters as a request has them."""
        found = self.serving.dataset("sales", "orders")
        assert found is not None
        return self.serving.read(found, [(name, str(value)) for name, value in parameters.items()])

    def ids(self, **parameters: Any) -> list[int]:
        return [row[0] for row in self.read(fields="id", **parameters).rows]

    @property
    def serving(self) -> Serving:
        return self.own.serving


@pytest.fixture(scope="module", params=ENGINES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give the table on each engine; a module shares it, as nothing changes it."""
    engine: str = request.param
    folder: Path = tmp_path_factory.mktemp(engine)
    urls = {"sqlite": f"sqlite:///{folder}/shop.sqlite", "duckdb": f"duckdb:///{folder}/shop.duckdb"}
    fixtures = {"postgresql": "postgres_url", "mariadb": "mysql_url"}
    url = urls[engine] if engine in urls else request.getfixturevalue(fixtures[engine])
    make_table(engine, url)
    house = Served(load_settings({}, data_dir=str(folder / "data"), source_db_url=url, serve_per_minute=100_000))
    with closing(house):
        house.engine = engine
        house.run_scan(url, source_id="shop")
        house.schema = {"sqlite": "main", "duckdb": "main", "postgresql": "public"}.get(engine, urlsplit(url).path.strip("/"))
        port = NewPort("orders", TablePlace("shop", "orders", house.schema))
        house.own.product_registry.register(NewProduct(name="orders", domain="sales", owner="o", schema=SCHEMA, ports=[port]), by="t")
        yield house
