"""What MariaDB's rows are when they have come, its samples and what it says of itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pymysql
import pytest
from tests.profile.feeding import brought, measured, values
from tests.profile.measuring import columns
from tests.profile.measuring import measured as whole

from factbook.errors import Cancelled, StatementTimeout
from factbook.profile.feeding import CUT_MARK
from factbook.profile.feeds.mysql import MySQLFeed
from factbook.profile.model import Sampling
from factbook.sources.contract import TableName
from factbook.sources.mysql import MySQLConnector

AWKWARD = ["it's", 'a "quote"', "back\\slash", "\\", "\\'", "line\nbreak\r\n", "tab\t", "nul\0l", "\x1a", "", "NULL", "null", "a,b",
           "ünï 🎉", "\\0", "\\Z", "x\n'y',NULL,1\n", " padded ", "#"]  # fmt: skip


@pytest.fixture(scope="module")
def database(mysql_url):
    """Give the schema's name, the connector and what runs statements."""
    parts = urlsplit(mysql_url)
    schema = parts.path[1:]
    with pymysql.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or "", database=schema, autocommit=True
    ) as connection:

        def execute(statement, parameters=None, many=False):
            with connection.cursor() as cursor:
                cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
                (cursor.executemany if many else cursor.execute)(statement, parameters)
                return cursor.fetchall()

        yield schema, MySQLConnector(mysql_url), execute


@pytest.fixture(scope="module")
def items(database):
    """Make a table of five thousand rows with keys that have gaps."""
    _, _, execute = database
    execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, price decimal(10,2), ratio double, single float, small smallint unsigned, "
        "name varchar(40), "
        "born date, seen datetime(3), at timestamp NULL, mood enum('calm','busy'), KEY (small), KEY (name))"
    )
    execute(
        "INSERT INTO items SELECT seq * 3, IF(seq % 10 = 0, NULL, seq / 7), seq / 3, seq / 3, seq % 100, CONCAT('name ', seq % 50), "
        "DATE '2020-01-01' + INTERVAL seq % 400 DAY, TIMESTAMP '2020-01-01 00:00:00.125' + INTERVAL seq SECOND, "
        "TIMESTAMP '2020-06-01 12:00:00' + INTERVAL seq MINUTE, ELT(1 + seq % 2, 'calm', 'busy') FROM seq_1_to_5000"
    )
    execute("ANALYZE TABLE items")
    return database


def test_texts_come_as_they_are(database):
    schema, connector, execute = database
    execute("CREATE TABLE awkward (id int PRIMARY KEY, long_one text, short_one varchar(60), old varchar(60) CHARACTER SET latin1)")
    execute("INSERT INTO awkward VALUES (%s, %s, %s, 'é')", [(place, text, text) for place, text in enumerate(AWKWARD)], many=True)
    execute("INSERT INTO awkward VALUES (-1, NULL, NULL, NULL)")
    assert values(connector, "awkward", "long_one", schema=schema) == [None, *sorted(AWKWARD)]
    assert values(connector, "awkward", "short_one", schema=schema) == [None, *sorted(AWKWARD)]
    assert values(connector, "awkward", "old", schema=schema) == [None, *["é"] * len(AWKWARD)]


def test_a_table_of_one_column_loses_neither_nulls_nor_empty_texts(database):
    schema, connector, execute = database
    execute("CREATE TABLE lonely (t varchar(10))")
    execute("INSERT INTO lonely VALUES (NULL), (''), ('NULL'), (NULL)")
    assert values(connector, "lonely", "t", schema=schema) == [None, None, "", "NULL"]


def test_numbers_come_exactly(database):
    schema, connector, execute = database
    execute(
        "CREATE TABLE numbers (u bigint unsigned, s bigint, d decimal(38,10), wide decimal(65,30), f float, b bit(64), y year, "
        "t tinyint(1), z int zerofill)"
    )
    execute(
        "INSERT INTO numbers VALUES (18446744073709551615, -9223372036854775808, 1234567890123456789012345678.0123456789, 0.5, "
        "16777216.25, "
        "b'1111111111111111111111111111111111111111111111111111111111111111', 2155, 2, 7), (0, 0, -0.0000000001, -1, 0.1, b'0', 1901, "
        "-128, 0), "
        "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    )
    found = {name: values(connector, "numbers", name, schema=schema)[1:] for name in ("u", "s", "d", "wide", "f", "b", "y", "t", "z")}
    ((double,),) = execute("SELECT CAST(max(f) AS DOUBLE) FROM numbers WHERE f < 1")
    assert found == {
        "u": [0, 18446744073709551615],
        "s": [-9223372036854775808, 0],
        "d": [Decimal("-0.0000000001"), Decimal("1234567890123456789012345678.0123456789")],
        "wide": [-1.0, 0.5],
        "f": [double, 16777216.0],
        "b": [0, 18446744073709551615],
        "y": [1901, 2155],
        "t": [-128, 2],
        "z": [0, 7],
    }


def test_decimals_of_more_digits_than_the_workshop_holds_keep_their_extremes_exact(database):
    schema, connector, execute = database
    large, small = "9" * 35 + "." + "1" * 30, "-" + "8" * 35 + "." + "2" * 30
    execute("CREATE TABLE wide_ones (d decimal(65,30), fits decimal(65,30), negative decimal(65,30), none decimal(65,30))")
    execute(f"INSERT INTO wide_ones VALUES ({large}, 0.5, -3, NULL), ({small}, -1, {small}, NULL), (0, 12, NULL, NULL)")
    found = measured(connector, "wide_ones", schema=schema)
    assert (found["d"].minimum, found["d"].maximum) == (small, large)
    assert found["d"].skipped == "measured as double precision: no decimal of 38 digits holds all"
    assert (found["fits"].minimum, found["fits"].maximum, found["fits"].skipped) == ("-1.0", "12.0", None)
    assert (found["negative"].minimum, found["negative"].maximum) == (small, "-3." + "0" * 30)
    assert (found["none"].minimum, found["none"].null_count) == (None, 3)


def test_texts_that_the_collation_calls_equal_are_no_key(mysql_url):
    parts = urlsplit(mysql_url)
    with (
        pymysql.connect(
            host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or "", database=parts.path[1:]
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "CREATE TABLE codes (folded varchar(9), accents varchar(9), strict varchar(9) COLLATE utf8mb4_bin, apart varchar(9)) "
            "COLLATE utf8mb4_general_ci"
        )
        cursor.execute("INSERT INTO codes VALUES ('a', 'e', 'a', 'x'), ('A', 'é', 'A', 'y')")
        connection.commit()
        cursor.execute("SELECT count(DISTINCT folded), count(DISTINCT accents), count(DISTINCT strict), count(DISTINCT apart) FROM codes")
        assert cursor.fetchone() == (1, 1, 2, 2)
    found = columns(whole(mysql_url, "codes"))
    assert {name: column.is_key_candidate for name, column in found.items()} == {
        "folded": False, "accents": False, "strict": True, "apart": True
    }  # fmt: skip
    assert {name: column.distinct_method for name, column in found.items()} == dict.fromkeys(found, "by characters") | {"strict": "exact"}
    assert {column.distinct_count for column in found.values()} == {2}


def test_a_zero_date_is_neither_a_day_nor_a_null(database):
    schema, connector, execute = database
    execute("CREATE TABLE zeros (d date, m datetime)")
    execute("INSERT INTO zeros VALUES ('0000-00-00', '0000-00-00 00:00:00'), ('2020-01-31', '2020-01-31 12:00:00'), (NULL, NULL)")
    found = measured(connector, "zeros", schema=schema)
    assert [(found[name].null_count, found[name].distinct_count) for name in ("d", "m")] == [(1, 2), (1, 2)]
    assert (found["d"].minimum, found["d"].maximum, found["m"].maximum) == ("-infinity", "2020-01-31", "2020-01-31 12:00:00")


def test_what_has_no_family_of_its_own_comes_as_it_is_written(database):
    schema, connector, execute = database
    execute("CREATE TABLE odd (t time, s set('a','b'), j json, e enum('x','y'), g point, u uuid, i inet6, raw_one blob)")
    execute(
        "INSERT INTO odd VALUES ('-838:59:59', 'a,b', '{\"k\": \"it\\'s\"}', 'y', ST_GeomFromText('POINT(1 2)'), "
        "'123e4567-e89b-12d3-a456-426614174000', "
        "'::1', x'00ff27')"
    )
    found = {name: values(connector, "odd", name, schema=schema) for name in ("t", "s", "j", "e", "g", "u", "i", "raw_one")}
    assert found == {
        "t": ["-838:59:59"],
        "s": ["a,b"],
        "j": ['{"k": "it\'s"}'],
        "e": ["y"],
        "g": ["POINT(1 2)"],
        "u": ["123e4567-e89b-12d3-a456-426614174000"],
        "i": ["::1"],
        "raw_one": [3],
    }


def test_a_long_text_comes_cut_with_its_length(database):
    schema, connector, execute = database
    execute("CREATE TABLE long_texts (t longtext)")
    execute("INSERT INTO long_texts VALUES (REPEAT('é', 4096)), (REPEAT('é', 5000)), (CONCAT(REPEAT('é', 5000), 'x'))")
    found = values(connector, "long_texts", "t", schema=schema)
    assert sorted(len(text) for text in found)[-1] == 4096
    assert sorted(text.split(CUT_MARK)[-1] for text in found if CUT_MARK in text) == ["5000", "5001"]
    assert len(set(found)) == 3


def test_every_exact_figure_is_what_sql_says(items):
    schema, connector, execute = items
    found = measured(connector, "items", schema=schema)
    for name in ("id", "price", "ratio", "single", "small"):
        truth = execute(
            f"SELECT count(*) - count({name}), count(DISTINCT {name}), CAST(min({name}) AS DOUBLE), CAST(max({name}) AS DOUBLE) FROM items"
        )[0]
        item = found[name]
        assert (item.null_count, item.distinct_count, float(item.minimum), float(item.maximum)) == truth
        mean, deviation = execute(f"SELECT avg({name} + 0E0), stddev_samp({name} + 0E0) FROM items")[0]
        assert item.mean == pytest.approx(mean, rel=1e-12)
        assert item.deviation == pytest.approx(deviation, rel=1e-9)
    for name in ("name", "born", "seen", "at", "mood"):
        truth = execute(f"SELECT count(*) - count({name}), count(DISTINCT {name}) FROM items")[0]
        assert (found[name].null_count, found[name].distinct_count) == truth
    lengths = execute("SELECT min(char_length(name)), max(char_length(name)), CAST(avg(char_length(name)) AS DOUBLE) FROM items")[0]
    assert (found["name"].minimum_length, found["name"].maximum_length, found["name"].mean_length) == lengths
    assert (found["born"].minimum, found["seen"].maximum) == ("2020-01-01", "2020-01-01 01:23:20.125")


def test_moments_are_utc_whatever_the_server_s_zone(items):
    schema, connector, execute = items
    ((first,),) = execute("SELECT CAST(CONVERT_TZ(min(at), @@session.time_zone, '+00:00') AS CHAR) FROM items")
    assert measured(connector, "items", schema=schema)["at"].minimum == first


def test_a_sample_by_keys_reads_what_it_says_and_is_drawn_again_alike(items):
    schema, connector, _ = items
    with brought(connector, "items", schema=schema, sampling=Sampling(rows=500)) as (found, _, workshop):
        first = workshop.ask(f"SELECT c0 FROM {found.relation} ORDER BY 1")
        assert found.sample.method == "primary keys drawn at random"
        assert found.sample.rows == found.rows == len(first)
        assert 380 < found.rows < 620
        assert found.statements == 5
    with brought(connector, "items", schema=schema, sampling=Sampling(rows=500)) as (found, _, workshop):
        assert workshop.ask(f"SELECT c0 FROM {found.relation} ORDER BY 1") == first
    with brought(connector, "items", schema=schema, sampling=Sampling(share=0.2, seed=2)) as (found, _, workshop):
        assert 800 < found.rows < 1200
        assert workshop.ask(f"SELECT c0 FROM {found.relation} ORDER BY 1") != first


def test_a_sample_without_a_number_as_key_says_that_every_row_was_read(database):
    schema, connector, execute = database
    execute("CREATE TABLE keyless AS SELECT seq % 7 AS v FROM seq_1_to_2000")
    with brought(connector, "keyless", schema=schema, sampling=Sampling(share=0.25)) as (found, _, _):
        assert found.sample.method == "every row read, drawn by rand()"
        assert 400 < found.rows < 600


def test_an_empty_table_and_an_empty_sample_are_no_failure(database):
    schema, connector, execute = database
    execute("CREATE TABLE void (id int PRIMARY KEY, t text)")
    for sampling in (None, Sampling(rows=10)):
        found = measured(connector, "void", schema=schema, sampling=sampling)
        assert found["t"].null_count == 0


def test_a_limit_ends_the_reading_and_says_so(items):
    schema, connector, _ = items
    with brought(connector, "items", schema=schema, limit_rows=100) as (found, _, _):
        assert not found.is_complete
    with brought(connector, "items", schema=schema, limit_bytes=1000) as (found, _, _):
        assert not found.is_complete
    with brought(connector, "items", schema=schema, limit_rows=5000) as (found, _, _):
        assert (found.is_complete, found.rows) == (True, 5000)


def test_who_cancels_is_heard_while_rows_come(items):
    schema, connector, _ = items

    def cancelled():
        raise Cancelled("Someone asked")

    with pytest.raises(Cancelled), brought(connector, "items", schema=schema, check_cancelled=cancelled):
        pass


def test_a_reading_over_its_time_is_cut_off(database):
    schema, connector, execute = database
    execute("CREATE VIEW slow AS SELECT SLEEP(0.01) AS s, seq FROM seq_1_to_1000")
    with pytest.raises(StatementTimeout), brought(connector, "slow", schema=schema, limit_seconds=0.3):
        pass


def test_lengths_and_presence_bring_no_value(items):
    schema, connector, _ = items
    readings = {"name": "lengths", "price": "presence"}
    assert set(values(connector, "items", "name", schema=schema, readings=readings)) == {6, 7}
    assert sorted(map(str, set(values(connector, "items", "price", schema=schema, readings=readings)))) == ["None", "True"]


def test_the_engine_says_rows_size_change_and_what_it_knows_of_indexed_columns(items):
    schema, connector, _ = items
    name = TableName(schema, "items")
    with connector.open_session() as session, brought(connector, "items", schema=schema, limit_rows=1) as (_, plans, _):
        extent = MySQLFeed().extent_of(session, name)
        assert 4000 < extent.row_count < 6000
        assert not extent.is_exact
        assert extent.size_bytes > 0
        assert abs(extent.statistics_at - datetime.now(UTC)) < timedelta(hours=1)
        statistics = MySQLFeed().statistics_of(session, name, list(plans.values()), extent)
        known = {item.name: item for item in statistics.columns}
        assert known.keys() == {"id", "small", "name"}
        assert (known["small"].distinct_count, known["name"].distinct_count) == (100, 50)
        assert all(item.distinct_is_estimate for item in known.values())
