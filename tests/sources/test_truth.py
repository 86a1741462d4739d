"""What the connectors say of real databases equals what the engine's own catalogue says, asked in another way."""

import re
import shutil
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest
from databases import SAMPLES, on_duckdb, on_mysql, on_postgres

from factbook.sources.duckdb import DuckDBConnector
from factbook.sources.mysql import MySQLConnector
from factbook.sources.postgres import PostgresConnector
from factbook.sources.sqlite import SQLiteConnector
from factbook.sources.testing import read, snapshots

PAGILA = ["pagila-2.0.2-schema.sql", "pagila-3.1.0-schema.sql"]


def statements(sql):
    """Return a dump's text without psql's commands and without data."""
    sql = re.sub(r"^COPY .*?^\\\.$", "", sql, flags=re.M | re.S)
    return re.sub(r"^\\.*$", "", sql, flags=re.M)


def load_postgres(url, sql):
    execute = on_postgres(url)
    execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    execute("SET search_path = public; " + re.sub(r"CREATE SCHEMA public;", "", statements(sql)))
    return execute


def compare_postgres(url, execute):
    found = {name.table: payload for name, payload in snapshots(read(PostgresConnector(url))).items() if name.schema == "public"}
    said = execute(
        "SELECT table_name, column_name, ordinal_position, is_nullable = 'YES', character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY 1, 3"
    )
    tables = {row[0] for row in execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")}
    materialized = {row[0] for row in execute("SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'")}
    assert set(found) == tables | materialized
    mine = [
        (table, column["name"], column.get("nullable", True), column.get("length"))
        for table in sorted(tables)
        for column in found[table]["columns"]
    ]
    assert mine == [(table, column, nullable, length) for table, column, _, nullable, length in said]
    types = execute(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r','v','m','p') AND a.attnum > 0 AND NOT a.attisdropped"
    )
    mine_types = {(table, column["name"]): column["data_type"] for table, payload in found.items() for column in payload["columns"]}
    assert {key: value.removeprefix("public.") for key, value in mine_types.items()} == {(t, c): kind for t, c, kind in types}
    keys = execute(
        "SELECT t.table_name, t.constraint_name, t.constraint_type, k.column_name FROM information_schema.table_constraints t "
        "JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name) WHERE t.table_schema = 'public' "
        "ORDER BY 1, 2, k.ordinal_position"
    )
    kinds = {"PRIMARY KEY": "primary_key", "UNIQUE": "unique", "FOREIGN KEY": "foreign_key"}
    said_keys: dict = {}
    for table, name, kind, column in keys:
        said_keys.setdefault((table, name, kinds[kind]), []).append(column)
    mine_keys = {
        (table, item["name"], item["type"]): item["columns"]
        for table, payload in found.items()
        for item in payload.get("constraints", [])
        if item["type"] in kinds.values()
    }
    assert mine_keys == said_keys
    indexes = execute("SELECT tablename, indexname, indexdef LIKE 'CREATE UNIQUE%' FROM pg_indexes WHERE schemaname = 'public'")
    mine_indexes = {(t, i["name"], i.get("unique", False)) for t, payload in found.items() for i in payload.get("indexes", [])}
    assert mine_indexes == set(indexes)
    views = dict(execute("SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'"))
    assert {t for t, payload in found.items() if payload["object_type"] == "view"} == set(views)
    for view, definition in views.items():
        assert re.sub(r"public\.", "", found[view]["definition"]) == re.sub(r"public\.", "", definition)
    parents = dict(
        execute(
            "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits "
            "JOIN pg_class c ON c.oid = inhrelid AND relkind = 'r'"
        )
    )
    mine_parents = {t: payload["partition_of"]["table"] for t, payload in found.items() if "partition_of" in payload}
    inherited = {t: payload["inherits"][0].removeprefix("public.") for t, payload in found.items() if "inherits" in payload}
    assert {t.removeprefix("public."): p.removeprefix("public.") for t, p in parents.items()} == mine_parents | inherited
    return found


@pytest.mark.parametrize("name", PAGILA)
def test_pagila(postgres_url, name):
    found = compare_postgres(postgres_url, load_postgres(postgres_url, (SAMPLES / name).read_text()))
    assert len(found) >= 21
    rating = next(column for column in found["film"]["columns"] if column["name"] == "rating")
    assert rating["enum_values"] == ["G", "PG", "PG-13", "R", "NC-17"]


def test_chinook_on_postgres(postgres_url):
    found = compare_postgres(postgres_url, load_postgres(postgres_url, (SAMPLES / "chinook-postgresql-schema.sql").read_text()))
    assert (len(found), sum(len(table["columns"]) for table in found.values())) == (11, 64)
    assert sum(item["type"] == "foreign_key" for table in found.values() for item in table["constraints"]) == 11


def test_northwind_on_postgres(postgres_url, test_data: Path):
    compare_postgres(postgres_url, load_postgres(postgres_url, (test_data / "databases" / "northwind_postgresql.sql").read_text()))


def compare_mysql(url, execute):
    found = {name.table: payload for name, payload in snapshots(read(MySQLConnector(url))).items()}
    assert set(found) == {row[0] for row in execute("SHOW TABLES")}
    for table, payload in found.items():
        said = execute(f"SHOW FULL COLUMNS FROM `{table}`")
        mine = [(c["name"], c["data_type"], "YES" if c.get("nullable", True) else "NO", c.get("comment", "")) for c in payload["columns"]]
        assert mine == [(row[0], row[1], row[3], row[8]) for row in said]
        indexes: dict = {}
        for row in execute(f"SHOW INDEX FROM `{table}`"):
            indexes.setdefault((row[2], not row[1]), []).append(row[4])
        mine_indexes = {(i["name"], i.get("unique", False)): [part["column"] for part in i["parts"]] for i in payload.get("indexes", [])}
        assert mine_indexes == indexes
        if payload["object_type"] != "view":
            ddl = execute(f"SHOW CREATE TABLE `{table}`")[0][1]
            assert sum(c["type"] == "foreign_key" for c in payload.get("constraints", [])) == ddl.count("FOREIGN KEY")
            for constraint in payload.get("constraints", []):
                if constraint["type"] == "foreign_key":
                    assert f"CONSTRAINT `{constraint['name']}` FOREIGN KEY (`{'`,`'.join(constraint['columns'])}`)".replace(
                        "`,`", "`,`"
                    ) in ddl.replace(", ", ",")
    return found


def test_chinook_on_mysql(mysql_url):
    execute = on_mysql(mysql_url)
    execute((SAMPLES / "chinook-mysql-schema.sql").read_text())
    found = compare_mysql(mysql_url, execute)
    assert (len(found), sum(len(table["columns"]) for table in found.values())) == (11, 64)
    for table in found:
        execute(f"SET FOREIGN_KEY_CHECKS = 0; DROP TABLE `{table}`")


def test_sakila_on_mysql(mysql_url):
    execute = on_mysql(mysql_url)
    sql = (SAMPLES / "sakila-mysql-schema.sql").read_text()
    schema = mysql_url.rsplit("/", 1)[1]
    sql = re.sub(r"^DELIMITER \S+$.*?^DELIMITER ;", "", sql, flags=re.M | re.S | re.I)
    sql = re.sub(r"^CREATE TRIGGER .*?;\n", "", sql, flags=re.M | re.S)
    sql = re.sub(r"^(USE|CREATE SCHEMA|DROP SCHEMA).*?;", "", sql, flags=re.M)
    execute(sql.replace("sakila.", f"{schema}."))
    found = compare_mysql(mysql_url, execute)
    assert {"film", "actor", "payment", "customer_list"} <= set(found)


def compare_sqlite(path):
    found = {name.table: payload for name, payload in snapshots(read(SQLiteConnector(f"sqlite:///{path}"))).items()}
    with closing(sqlite3.connect(path)) as connection:
        objects = dict(
            connection.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'")
        )
        assert {table: payload["object_type"] for table, payload in found.items()} == objects
        for table, payload in found.items():
            said = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            assert [(c["name"], c["data_type"], not c.get("nullable", True), c.get("default")) for c in payload["columns"]] == [
                (row[1], row[2], bool(row[3]), row[4]) for row in said
            ]
            primary = [row[1] for row in sorted(said, key=lambda row: row[5]) if row[5]]
            assert [c["columns"] for c in payload.get("constraints", []) if c["type"] == "primary_key"] == ([primary] if primary else [])
            keys = {row[0] for row in connection.execute(f'PRAGMA foreign_key_list("{table}")')}
            assert sum(c["type"] == "foreign_key" for c in payload.get("constraints", [])) == len(keys)
            indexes = {(row[1], bool(row[2])) for row in connection.execute(f'PRAGMA index_list("{table}")')}
            assert {(i["name"], i.get("unique", False)) for i in payload.get("indexes", [])} == indexes
    return found


def test_chinook_on_sqlite(tmp_path):
    shutil.copy(str(resources.files("factbook.demo") / "chinook.sqlite"), tmp_path / "chinook.sqlite")
    found = compare_sqlite(tmp_path / "chinook.sqlite")
    assert (len(found), sum(len(table["columns"]) for table in found.values())) == (11, 64)


def test_northwind_on_sqlite(tmp_path, test_data: Path):
    with closing(sqlite3.connect(tmp_path / "northwind.sqlite")) as connection:
        connection.executescript((test_data / "databases" / "northwind_sqlite.sql").read_text())
    found = compare_sqlite(tmp_path / "northwind.sqlite")
    assert sum(payload["object_type"] == "view" for payload in found.values()) >= 16


def test_chinook_on_duckdb(tmp_path):
    execute = on_duckdb(tmp_path / "chinook.duckdb")
    sql = (SAMPLES / "chinook-postgresql-schema.sql").read_text()
    for statement in re.sub(r"/\*.*?\*/", "", sql, flags=re.S).split(";"):
        if statement.strip().upper().startswith("CREATE"):
            execute(statement)
    found = {name.table: payload for name, payload in snapshots(read(DuckDBConnector(f"duckdb:///{tmp_path}/chinook.duckdb"))).items()}
    said = execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns ORDER BY table_name, ordinal_position"
    )
    mine = [
        (table, c["name"], c["data_type"], "YES" if c.get("nullable", True) else "NO")
        for table in sorted(found)
        for c in found[table]["columns"]
    ]
    assert mine == said
    assert len(found) == 11


def test_a_restricted_mysql_user_makes_nothing_look_removed(mysql_url):
    execute = on_mysql(mysql_url)
    schema = mysql_url.rsplit("/", 1)[1]
    execute(f"DROP DATABASE {schema}; CREATE DATABASE {schema} CHARACTER SET utf8mb4")
    execute("CREATE TABLE seen (id int); CREATE TABLE hidden (id int); CREATE VIEW v AS SELECT id FROM seen")
    user = f"u_{schema[-10:]}"
    execute(f"CREATE USER {user} IDENTIFIED BY 'pw'; GRANT SELECT ON {schema}.seen TO {user}; GRANT SELECT ON {schema}.v TO {user}")
    try:
        restricted = mysql_url.replace("://root@", f"://{user}:pw@").replace("://root:@", f"://{user}:pw@")
        items = read(MySQLConnector(restricted))
        end = items[-1]
        assert not end.schemas[schema].complete
        assert not end.schemas_complete
        assert {item.name.table: type(item).__name__ for item in items[:-1]} == {"seen": "TableSnapshot", "v": "TableFailure"}
        execute(f"GRANT SELECT, SHOW VIEW ON {schema}.* TO {user}")
        granted = read(MySQLConnector(restricted))
        assert granted[-1].schemas[schema].complete
        assert {item.name.table for item in granted[:-1]} == {"seen", "hidden", "v"}
    finally:
        execute(f"DROP USER {user}")
