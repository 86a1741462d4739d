"""What SQLite's rows are when they have come, where every value may be of another type than its column."""

import sqlite3
from contextlib import closing

import pytest
from tests.profile.feeding import brought, measured, values

from factbook.errors import Cancelled, StatementTimeout
from factbook.profile.feeding import CUT_MARK
from factbook.profile.feeds.records import Surprise
from factbook.profile.feeds.sqlite import SQLiteFeed
from factbook.profile.model import Sampling
from factbook.sources.contract import TableName
from factbook.sources.sqlite import SQLiteConnector

AWKWARD = ["it's", 'a "quote"', "back\\slash", "\\", '\\"', "line\nbreak\r\n", "tab\t\b\f", "nul\0l", "\x01\x1f\x7f", "", "NULL", "null",
           "a,b", "ünï 🎉\u2028", "\\n", "\\u0041", 'x\n",null,1\n', "]\n[", " padded ", "#"]  # fmt: skip


@pytest.fixture
def database(tmp_path):
    """Give the connector of a fresh file and what runs statements in it."""
    path = tmp_path / "data.sqlite"

    def execute(statement, rows=None):
        with closing(sqlite3.connect(path)) as connection, connection:
            return (connection.executemany(statement, rows) if rows is not None else connection.execute(statement)).fetchall()

    return SQLiteConnector(f"sqlite:///{path}"), execute


@pytest.fixture
def items(database):
    connector, execute = database
    execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, amount INTEGER, price DECIMAL(10,2), ratio REAL, name VARCHAR(40), born DATE, "
        "seen DATETIME)"
    )
    execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO items SELECT i * 3, "
        "CASE WHEN i % 10 = 0 THEN NULL ELSE i % 97 END, i / 7.0, i / 3.0, 'name ' || (i % 50), date('2020-01-01', (i % 400) || ' days'), "
        "strftime('%Y-%m-%d %H:%M:%f', '2020-01-01 00:00:00.125', i || ' seconds') FROM n"
    )
    return connector, execute


def test_texts_come_as_they_are(database):
    connector, execute = database
    execute("CREATE TABLE awkward (t TEXT)")
    execute("INSERT INTO awkward VALUES (?)", [(text,) for text in [*AWKWARD, None]])
    assert values(connector, "awkward", "t") == [None, *sorted(AWKWARD)]


def test_numbers_come_exactly(database):
    connector, execute = database
    execute("CREATE TABLE numbers (i INTEGER, r REAL, n NUMERIC)")
    execute("INSERT INTO numbers VALUES (?, ?, ?)", [(2**63 - 1, 0.1 + 0.2, 0.1), (-(2**63), 1e300, 7), (None, 5e-324, None)])
    assert values(connector, "numbers", "i") == [None, -(2**63), 2**63 - 1]
    assert values(connector, "numbers", "r") == [5e-324, 0.1 + 0.2, 1e300]
    assert values(connector, "numbers", "n") == [None, 0.1, 7.0]


def test_infinity_is_a_value_and_no_null(database):
    connector, execute = database
    execute("CREATE TABLE far (r REAL)")
    execute("INSERT INTO far VALUES (9e999), (-9e999), (1.5), (NULL)")
    found = measured(connector, "far")["r"]
    assert (found.null_count, found.not_finite_count) == (1, 2)
    assert (found.minimum, found.maximum) == ("-Infinity", "Infinity")


def test_a_text_among_numbers_is_counted_as_what_it_is(database):
    connector, execute = database
    execute("CREATE TABLE mixed (i INTEGER, clean INTEGER)")
    execute("INSERT INTO mixed VALUES (1, 1), (2, 2), ('three', 3), (x'ff00', 4), (2.5, 5), (NULL, 6)")
    assert values(connector, "mixed", "i") == [None, "1", "2", "2.5", "ff00", "three"]
    found = measured(connector, "mixed")
    assert found["i"].skipped == "declared INTEGER, it holds 2 integer, 1 real, 1 text, 1 blob"
    assert (found["i"].null_count, found["i"].distinct_count, found["i"].mean) == (1, 5, None)
    assert (found["clean"].mean, found["clean"].skipped) == (3.5, None)


def test_a_text_that_comes_late_changes_nothing_that_came_before(database):
    connector, execute = database
    execute("CREATE TABLE late (r REAL)")
    execute("INSERT INTO late VALUES (?)", [(1e22,)] * 20_000 + [("x",)] + [(1e22,)])
    assert measured(connector, "late")["r"].distinct_count == 2


def test_fractions_in_a_column_of_integers_make_it_one_of_floats(database):
    connector, execute = database
    execute("CREATE TABLE halves (i INTEGER)")
    execute("INSERT INTO halves VALUES (1), (2.5)")
    found = measured(connector, "halves")["i"]
    assert (found.mean, found.maximum, found.skipped) == (1.75, 2.5, "declared INTEGER, it holds 1 integer, 1 real")


def test_a_column_of_texts_that_was_declared_as_numbers_is_measured_as_texts(database):
    connector, execute = database
    execute("CREATE TABLE words (n NUMERIC)")
    execute("INSERT INTO words VALUES ('abc'), ('de')")
    found = measured(connector, "words")["n"]
    assert (found.minimum_length, found.maximum_length, found.minimum) == (2, 3, "abc")
    assert "it holds 2 text" in found.skipped


@pytest.mark.parametrize(
    ("declared", "texts", "minimum", "reason"),
    [
        ("DATE", ["2020-02-29", "2019-12-31"], "2019-12-31", None),
        ("DATETIME", ["2020-02-29 10:00:00", "2020-02-29T09:00:00.5Z"], "2020-02-29 09:00:00.5", None),
        ("DATETIME", ["2020-02-29T10:00:00+02:00"], "2020-02-29 08:00:00", None),
        ("DATE", ["2020-02-29 10:00"], "2020-02-29 10:00:00", None),
        ("DATE", ["2020-02-29", "2020-02-30"], "2020-02-29", "declared DATE, 1 of its 2 values are no date in ISO 8601"),
        ("DATE", ["31.12.2020"], "31.12.2020", "declared DATE, 1 of its 1 values are no date in ISO 8601"),
        ("DATETIME", [1582970400], "1582970400", "declared DATETIME, 1 of its 1 values are no date in ISO 8601"),
    ],
)
def test_a_declared_date_is_one_where_every_value_is(database, declared, texts, minimum, reason):
    connector, execute = database
    execute(f"CREATE TABLE days (d {declared})")
    execute("INSERT INTO days VALUES (?)", [(text,) for text in [*texts, None]])
    found = measured(connector, "days")["d"]
    assert (found.minimum, found.null_count, found.skipped) == (minimum, 1, reason)


def test_bytes_that_are_no_utf8_come_and_stay_distinct(database):
    connector, execute = database
    execute("CREATE TABLE raw (t TEXT, b BLOB)")
    execute("INSERT INTO raw VALUES (CAST(x'ff' AS TEXT), x'00ff'), (CAST(x'fe' AS TEXT), NULL), ('ok', x'')")
    found = measured(connector, "raw")
    assert (found["t"].distinct_count, found["t"].null_count) == (3, 0)
    assert (found["b"].minimum_length, found["b"].maximum_length, found["b"].null_count) == (0, 2, 1)


def test_a_long_text_comes_cut_with_its_length(database):
    connector, execute = database
    execute("CREATE TABLE long_texts (t TEXT)")
    execute("INSERT INTO long_texts VALUES (?)", [("é" * 4096,), ("é" * 5000,), ("é" * 5000 + "x",), (None,)])
    found = measured(connector, "long_texts")["t"]
    assert (found.distinct_count, found.minimum_length, found.maximum_length) == (3, 4096, 5001)
    assert all(CUT_MARK not in str(item.value) for item in found.frequent)


def test_every_exact_figure_is_what_sql_says(items):
    connector, execute = items
    found = measured(connector, "items")
    for name in ("id", "amount", "price", "ratio"):
        truth = execute(f"SELECT count(*) - count({name}), count(DISTINCT {name}), min({name}), max({name}) FROM items")[0]
        item = found[name]
        assert (item.null_count, item.distinct_count, item.minimum, item.maximum) == truth
        assert item.mean == pytest.approx(execute(f"SELECT avg({name}) FROM items")[0][0], rel=1e-12)
    for name in ("name", "born", "seen"):
        truth = execute(f"SELECT count(*) - count({name}), count(DISTINCT {name}), min({name}), max({name}) FROM items")[0]
        item = found[name]
        assert (item.null_count, item.distinct_count, item.minimum, item.maximum) == truth


def test_a_sample_by_rowids_is_drawn_again_alike_and_stands_for_all(items):
    connector, execute = items
    with brought(connector, "items", sampling=Sampling(rows=1000)) as (found, _, workshop):
        first = workshop.ask(f"SELECT c0 FROM {found.relation} ORDER BY 1")
        assert (found.sample.method, found.sample.rows, found.rows) == ("rowids drawn at random", len(first), len(first))
        assert 850 < found.rows < 1150
    with brought(connector, "items", sampling=Sampling(rows=1000)) as (found, _, workshop):
        assert workshop.ask(f"SELECT c0 FROM {found.relation} ORDER BY 1") == first
    ids = [number for (number,) in first]
    assert abs(sum(ids) / len(ids) - execute("SELECT avg(id) FROM items")[0][0]) < 600


@pytest.mark.parametrize(
    "ddl", ["CREATE VIEW seen AS SELECT * FROM items", "CREATE TABLE seen (id TEXT PRIMARY KEY, amount) WITHOUT ROWID"]
)
def test_a_sample_where_rowids_are_not_says_that_every_row_was_read(items, ddl):
    connector, execute = items
    execute(ddl)
    if "TABLE" in ddl:
        execute("INSERT INTO seen SELECT id, amount FROM items")
    with brought(connector, "seen", sampling=Sampling(share=0.2)) as (found, _, _):
        assert found.sample.method == "every row read, drawn by random()"
        assert 800 < found.rows < 1200


def test_a_column_named_rowid_hides_no_rows(database):
    connector, execute = database
    execute("CREATE TABLE sly (rowid TEXT, v INTEGER)")
    execute("INSERT INTO sly VALUES (?, ?)", [("x", number) for number in range(100)])
    with brought(connector, "sly", sampling=Sampling(share=1.0)) as (found, _, _):
        assert found.rows == 100


def test_the_engine_s_own_count_is_known_after_an_analysis(items):
    connector, execute = items
    with connector.open_session() as session:
        assert SQLiteFeed().extent_of(session, TableName("main", "items")).row_count is None
    execute("CREATE INDEX items_by_name ON items (name)")
    execute("ANALYZE")
    with connector.open_session() as session:
        assert SQLiteFeed().extent_of(session, TableName("main", "items")).row_count == 5000


def test_an_empty_table_is_no_failure(database):
    connector, execute = database
    execute("CREATE TABLE void (id INTEGER PRIMARY KEY, d DATE, t)")
    for sampling in (None, Sampling(rows=10)):
        assert measured(connector, "void", sampling=sampling)["d"].null_count == 0


def test_a_limit_ends_the_reading_and_says_so(items):
    connector, _ = items
    with brought(connector, "items", limit_rows=100) as (found, _, _):
        assert not found.is_complete
    with brought(connector, "items", limit_rows=5000) as (found, _, _):
        assert (found.is_complete, found.rows) == (True, 5000)


def test_who_cancels_is_heard_while_rows_come(items):
    connector, _ = items

    def cancelled():
        raise Cancelled("Someone asked")

    with pytest.raises(Cancelled), brought(connector, "items", check_cancelled=cancelled):
        pass


def test_a_reading_over_its_time_is_cut_off(items):
    connector, execute = items
    execute("CREATE VIEW slow AS SELECT count(*) AS n FROM items a, items b, items c")
    with pytest.raises(StatementTimeout), brought(connector, "slow", limit_seconds=0.2):
        pass


def test_lengths_and_presence_bring_no_value(items):
    connector, _ = items
    assert set(values(connector, "items", "name", readings={"name": "lengths"})) == {6, 7}
    assert set(values(connector, "items", "amount", readings={"amount": "presence"})) == {None, True}


def test_a_surprise_never_leaves_the_feed(database):
    connector, execute = database
    execute("CREATE TABLE wild (a INTEGER, b REAL, c DATE, d BLOB, e)")
    execute("INSERT INTO wild VALUES ('x', x'00', 1, 'y', 2.5), (x'01', 'z', 'no', 7, 'w'), (1.5, 1, 2.5, NULL, x'ff')")
    try:
        found = measured(connector, "wild")
    except Surprise as surprise:
        pytest.fail(f"column {surprise.key} surprised")
    assert {name: item.null_count for name, item in found.items()} == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 0}
