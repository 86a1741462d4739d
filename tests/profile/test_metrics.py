"""Figures that somebody defines in SQL: the file, what is run, and what is said where one fails."""

import sqlite3
from contextlib import closing
from hashlib import blake2b

import pytest

from factbook.errors import InvalidRequest
from factbook.profile.metrics import Metric, Metrics, load_metrics
from factbook.profile.statements import parts_of
from factbook.sources.contract import TableName
from factbook.sources.mysql import MySQLConnector
from factbook.sources.postgres import PostgresConnector
from factbook.sources.sqlite import SQLiteConnector

FILE = """
metrics:
  - name: unpaid
    source: shop*
    table: orders
    sql: SELECT count(*) FROM {table} WHERE paid IS NULL;   # semicolon and comment are no matter
    unit: orders
    description: Orders that nobody has paid yet
  - name: amounts
    table: "*.orders"
    sql: |
      SELECT min(amount), max(amount), avg(amount)
      FROM {table}
    values: [least, most, mean]
    limit_seconds: 5
"""


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount REAL, paid TEXT, note TEXT)")
        connection.execute("INSERT INTO orders VALUES (1, 2.5, '2020-01-01', 'secret'), (2, 4, NULL, NULL), (3, NULL, NULL, NULL)")
    return SQLiteConnector(f"sqlite:///{path}")


def written(tmp_path, text):
    file = tmp_path / "metrics.yaml"
    file.write_text(text, encoding="utf-8")
    return file


ORDERS = TableName("main", "orders")


def measured(connector, metrics, table=ORDERS, limit_seconds=None):
    with connector.open_session() as session:
        return Metrics(metrics, "shop").measure(session, table, limit_seconds)


def said(connector, sql, **options):
    (figure,) = measured(connector, [Metric("m", "orders", sql, **options)])
    return figure.failure or figure.value


def test_a_file_is_measured_figure_by_figure(tmp_path, shop):
    figures = measured(shop, load_metrics(written(tmp_path, FILE)))
    assert {figure.name: (figure.value, figure.unit, figure.failure) for figure in figures} == {
        "unpaid": (2, "orders", None),
        "amounts.least": (2.5, None, None),
        "amounts.most": (4.0, None, None),
        "amounts.mean": (3.25, None, None),
    }


def test_a_changed_definition_shows_in_its_digest(shop):
    first, second = (measured(shop, [Metric("m", "orders", sql)])[0].statement_digest for sql in ("SELECT 1", "SELECT 1 "))
    assert first == blake2b(b"SELECT 1", digest_size=16).hexdigest()
    assert first != second


def test_a_metric_is_measured_of_the_tables_and_sources_that_it_names(shop):
    here, elsewhere = Metric("here", "main.ord*", "SELECT 1"), Metric("elsewhere", "orders", "SELECT 1", source="crm")
    assert [figure.name for figure in measured(shop, [here, elsewhere])] == ["here"]
    assert measured(shop, [here], TableName("main", "customers")) == []
    assert Metrics([here, Metric("lost", "oders", "SELECT 1"), elsewhere], "shop").unmatched([TableName("main", "orders")]) == ["lost"]


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT count(*) FROM {table}", 3),
        ("SELECT '{' || '}' = '{}' FROM {table} LIMIT 1", 1),
        ("WITH t AS (SELECT 7 AS n) SELECT n FROM t", 7),
        ("SELECT id FROM {table}", "it gave more rows than one"),
        ("SELECT id FROM {table} WHERE id > 9", "it gave no row and has to give one"),
        ("SELECT 1, 2", "its row has 2 columns; name its columns as `values`"),
        ("SELECT note FROM {table} WHERE id = 1", "it gave a text and has to give a number"),
        ("SELECT x'00'", "it gave bytes and has to give a number"),
        ("SELECT max(amount) FROM {table} WHERE id > 9", "it gave NULL"),
        ("SELECT 9e999", "it gave a number that is not finite"),
        ("SELECT count(*) FROM no_such_table", "no such table: no_such_table"),
        ("SELECT 9007199254740993", 9007199254740992.0),
    ],
)
def test_what_a_statement_gives_is_a_number_or_said_to_be_none(shop, sql, answer):
    assert said(shop, sql) == answer


def test_a_row_of_another_width_than_its_names_is_said(shop):
    figures = measured(shop, [Metric("m", "orders", "SELECT 1, 2", values=["a", "b", "c"])])
    assert [(figure.name, figure.failure) for figure in figures] == [
        (f"m.{name}", "its row has 2 columns; `values` names 3") for name in "abc"
    ]


def test_one_that_fails_takes_no_other_with_it(shop):
    bad, slow, good = (
        Metric("bad", "orders", "SELECT nonsense FROM {table}"),
        Metric(
            "slow", "orders", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", limit_seconds=0.2
        ),
        Metric("good", "orders", "SELECT 42"),
    )
    figures = {figure.name: figure for figure in measured(shop, [bad, slow, good])}
    assert "nonsense" in figures["bad"].failure
    assert figures["slow"].failure == "it took longer than 0.2 s"
    assert figures["good"].value == 42


def test_the_time_left_of_a_run_is_a_limit_too(shop):
    endless = Metric("m", "orders", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    (figure,) = measured(shop, [endless], limit_seconds=0.1)
    assert figure.failure == "it took longer than 0.1 s"


def test_a_statement_that_writes_is_refused_by_the_session(shop):
    assert said(shop, "WITH t AS (SELECT 1) INSERT INTO orders (id) SELECT 9 FROM t").startswith("attempt to write a readonly database")
    assert said(shop, "SELECT count(*) FROM {table}") == 3


def test_servers_answer_alike_and_a_refusal_quotes_no_value(postgres_url, mysql_url):
    from urllib.parse import urlsplit

    import psycopg
    import pymysql

    parts = urlsplit(mysql_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int, amount numeric(10,2), note text)")
        connection.execute("INSERT INTO orders VALUES (1, 2.50, 'secret'), (2, 4, NULL)")
    with pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:],
        autocommit=True,
    ) as connection:
        connection.cursor().execute("CREATE TABLE orders (id int, amount decimal(10,2), note text)")
        connection.cursor().execute("INSERT INTO orders VALUES (1, 2.50, 'secret'), (2, 4, NULL)")
    total = Metric(
        "total", "orders", "SELECT sum(amount), count(*) FROM {table} WHERE note LIKE '%ecre%' OR id % 2 = 0", values=["sum", "rows"]
    )
    broken = Metric("broken", "orders", "SELECT sum(CAST(note AS integer)) FROM {table}")
    many = Metric("many", "orders", "SELECT id FROM {table}")
    for connector, schema in ((PostgresConnector(postgres_url), "public"), (MySQLConnector(mysql_url), parts.path[1:])):
        metrics = [many, total, *([broken] if schema == "public" else [])]
        figures = {figure.name: figure for figure in measured(connector, metrics, TableName(schema, "orders"))}
        assert (figures["total.sum"].value, figures["total.rows"].value) == (6.5, 2)
        assert figures["many"].failure == "it gave more rows than one"
        assert all("secret" not in str(figure.failure) for figure in figures.values())
    assert said_by_postgres(postgres_url, broken) == "invalid input syntax for type integer"


def said_by_postgres(url, metric):
    return measured(PostgresConnector(url), [metric], TableName("public", "orders"))[0].failure


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("metrics: [", "line 1"),
        ("metrics: 2026-13-45", "month must be in 1..12"),
        ("metrics: " + "9" * 5000, "digits"),
        ("metrics: " + "[" * 5000, "it is nested too deep"),
        ("", "expected `object`, got `null`"),
        ("metrics:\n  - name: a\n    name: b\n", "duplicate key"),
        ("metrics:\n  - {name: a, table: t}\n", "metrics[0]: object missing required field `sql`"),
        ("metrics:\n  - {name: a, table: t, sql: SELECT 1, limit: 3}\n", "metrics[0]: object contains unknown field `limit`"),
        ("metrics:\n  - {name: 'a b', table: t, sql: SELECT 1}\n", "metrics[0].name"),
        ("metrics:\n  - {name: a, table: t, sql: SELECT 1, limit_seconds: 0}\n", "metrics[0].limit_seconds"),
        ("metrics:\n  - {name: a, table: t, sql: SELECT 1; SELECT 2}\n", "metrics[0].sql: a is 2 statements and has to be one"),
        ("metrics:\n  - {name: a, table: t, sql: '-- nothing'}\n", "metrics[0].sql: a is 0 statements and has to be one"),
        ("metrics:\n  - {name: a, table: t, sql: DELETE FROM t}\n", "metrics[0].sql: a is no SELECT"),
        (
            "metrics:\n  - {name: a, table: t, sql: SELECT 1}\n  - {name: a, table: u, sql: SELECT 1}\n",
            "metrics[1].name: a is defined twice",
        ),
        ("metrics:\n  - {name: a, table: t, sql: SELECT 1, values: [x, x]}\n", "the values of a are repeated"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(tmp_path, text, why):
    with pytest.raises(InvalidRequest) as caught:
        load_metrics(written(tmp_path, text))
    assert why in caught.value.why
    assert caught.value.fix


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="cannot be read"):
        load_metrics(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;;  ", ["SELECT 1"]),
        ("SELECT ';', \";\", `;` -- ;\n, 2 /* ; */ ;", ["SELECT ';', \";\", `;`  \n, 2"]),
        ("SELECT $$;$$, $a$;$$;$a$", ["SELECT $$;$$, $a$;$$;$a$"]),
        ("SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]),
        ("SELECT 1 - -2 / 3; x", ["SELECT 1 - -2 / 3", "x"]),
        ("SELECT 'open; and never closed", ["SELECT 'open; and never closed"]),
        ("", []),
    ],
)
def test_statements_end_at_semicolons_outside_texts_names_and_comments(sql, parts):
    assert [" ".join(part.split()) for part in parts_of(sql)] == [" ".join(part.split()) for part in parts]
