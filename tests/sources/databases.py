"""Databases for the connector tests: how to run statements in each, and a small one that all engines can hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

SAMPLES = Path(__file__).parents[1] / "samples"

SMALL = (
    "CREATE TABLE people (id integer NOT NULL PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'nobody', born date)",
    "CREATE TABLE orders (id integer NOT NULL PRIMARY KEY, person_id integer NOT NULL, amount decimal(10,2) CHECK (amount >= 0), "
    "FOREIGN KEY (person_id) REFERENCES people (id))",
    "CREATE INDEX orders_by_person ON orders (person_id)",
    "CREATE VIEW grown_ups AS SELECT id, name FROM people WHERE born < '2000-01-01'",
)
SMALL_TABLES = frozenset({"people", "orders", "grown_ups"})


def on_postgres(url):
    import psycopg

    def execute(statement):
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return execute


def on_mysql(url):
    import pymysql
    from pymysql.constants import CLIENT

    parts = urlsplit(url)

    def execute(statement):
        with (
            pymysql.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=parts.username,
                password=parts.password or "",
                database=parts.path[1:],
                client_flag=CLIENT.MULTI_STATEMENTS,
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            rows = cursor.fetchall()
            while cursor.nextset():
                pass
            return rows

    return execute


def on_sqlite(path):
    def execute(statement):
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement).fetchall()

    return execute


def on_duckdb(path):
    import duckdb

    def execute(statement):
        with closing(duckdb.connect(str(path))) as connection:
            result = connection.execute(statement)
            return result.fetchall() if result.description else []

    return execute
