"""Views of real databases on real engines, against what the engines themselves say."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url
from tests.sql_lineage.asking import House, columns_of, direct

SAMPLES = Path(__file__).parents[1] / "samples"

DEPENDS = """
    SELECT DISTINCT v.relname, t.relname, a.attname
    FROM pg_depend d
    JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_class v ON v.oid = r.ev_class
    JOIN pg_class t ON t.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE d.refobjsubid > 0 AND t.oid <> v.oid AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

MORE_VIEWS = """
    CREATE SCHEMA other;
    CREATE TABLE other.film (film_id integer, "Star Rating" numeric);
    CREATE VIEW other.tricky AS
      WITH RECURSIVE chain AS (
        SELECT film_id, title FROM public.film WHERE length > 100
        UNION ALL SELECT c.film_id + 1, f.title FROM chain c JOIN public.film f ON f.film_id = c.film_id + 1
      )
      SELECT c.title AS "The Title", f."Star Rating", rank() OVER (PARTITION BY p.rating ORDER BY p.rental_rate) AS place,
             (SELECT max(i.last_update) FROM public.inventory i WHERE i.film_id = c.film_id) AS last_seen,
             CASE WHEN EXISTS (SELECT 1 FROM public.film_actor fa WHERE fa.film_id = c.film_id) THEN p.description END AS described
      FROM chain c JOIN other.film f USING (film_id) LEFT JOIN LATERAL (SELECT * FROM public.film q WHERE q.film_id = c.film_id) p ON true
      WHERE c.film_id IN (SELECT film_id FROM public.film_category fc WHERE fc.category_id = 3) ORDER BY p.replacement_cost;
    CREATE MATERIALIZED VIEW other.stored AS SELECT "The Title", count(*) AS number FROM other.tricky GROUP BY 1;
"""


@pytest.fixture(scope="module")
def pagila_url(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute((SAMPLES / "pagila-3.1.0-schema.sql").read_text())
        connection.execute("SET search_path = public")
        connection.execute(MORE_VIEWS)
    return postgres_url


def test_pagilas_views_depend_on_exactly_the_columns_that_postgresql_says(pagila_url: str, house: House) -> None:
    house.scan(pagila_url, "pagila")
    report = house.sql.scan("pagila")
    assert (report.failed, report.warnings, report.statements) == (0, [], 10)
    found = {
        (view, *column) for view, lineage in house.lineage("pagila").items() if lineage is not None for column in columns_of(lineage.inputs)
    }
    with psycopg.connect(pagila_url) as connection:
        truth = set(connection.execute(DEPENDS).fetchall())
    # A column that is copied by a lateral's * and used nowhere is a dependency of the view and no source of its data.
    unused = {("tricky", "film", column) for column in ("language_id", "last_update", "fulltext", "special_features")}
    unused |= {("tricky", "film", column) for column in ("original_language_id", "rental_duration", "release_year")}
    assert found <= truth
    assert truth - found <= unused
    assert len(truth) > 100


def test_a_view_of_pagila_has_the_edges_a_reader_sees(pagila_url: str, house: House) -> None:
    house.scan(pagila_url, "pagila")
    house.sql.scan("pagila")
    by_category = house.lineage("pagila")["sales_by_film_category"]
    assert by_category is not None
    assert direct(by_category.inputs) == {("category", "category", "name"), ("total_sales", "payment", "amount")}
    assert {item.table.table: item.type for item in by_category.inputs}["payment"] == "aggregated"
    stored = house.lineage("pagila")["stored"]
    assert stored is not None
    assert {(edge.output, edge.input, edge.subtype) for edge in stored.inputs[0].columns} == {
        ("The Title", "The Title", "IDENTITY"),
        ("The Title", "The Title", "GROUP_BY"),
        ("number", "The Title", "GROUP_BY"),
    }


def test_sakilas_views_on_mariadb_are_all_understood(mysql_url: str, house: House) -> None:
    url = make_url(mysql_url)
    # Into the database of this test, whatever it is called.
    text = (SAMPLES / "sakila-mysql-schema.sql").read_text().replace("sakila.", "")
    statements = [item for item in re.split(r";\s*\n", text) if re.match(r"\s*CREATE\s+(TABLE|.*VIEW)", _without_comments(item), re.I)]
    with closing(
        pymysql.connect(
            host=url.host, port=url.port or 3306, user=url.username, password=url.password or "", database=url.database, autocommit=True
        )
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SET foreign_key_checks = 0")
        for statement in statements:
            cursor.execute(statement)
    house.scan(mysql_url, "sakila")
    report = house.sql.scan("sakila")
    assert (report.failed, report.unknown, report.warnings) == (0, [], [])
    lineage = house.lineage("sakila")
    assert {"actor_info", "customer_list", "film_list", "sales_by_store", "staff_list"} <= lineage.keys()
    customers = lineage["customer_list"]
    assert customers is not None
    assert direct(customers.inputs) >= {
        ("ID", "customer", "customer_id"),
        ("zip code", "address", "postal_code"),
        ("SID", "customer", "store_id"),
    }
    # Every column of every view comes from somewhere, but for what is counted or constant.
    for name, item in lineage.items():
        assert item is not None
        assert item.inputs, name


def test_northwinds_views_on_sqlite_are_all_understood(test_data: Path, tmp_path: Path, house: House) -> None:
    script = (test_data / "databases" / "northwind_sqlite.sql").read_text()
    with closing(sqlite3.connect(tmp_path / "northwind.sqlite")) as connection:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;" + script)
    house.scan(f"sqlite:///{tmp_path / 'northwind.sqlite'}", "northwind")
    report = house.sql.scan("northwind")
    assert (report.failed, report.unknown, report.warnings) == (0, [], [])
    assert report.statements == 16
    lineage = house.lineage("northwind")
    products = lineage["Alphabetical list of products"]
    assert products is not None
    assert ("CategoryName", "Categories", "CategoryName") in direct(products.inputs)
    assert ("ProductID", "Products", "ProductID") in direct(products.inputs)


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*(--[^\n]*\n|/\*.*?\*/;?\s*)*", "", text, flags=re.S)
