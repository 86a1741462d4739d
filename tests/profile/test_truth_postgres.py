"""Every exact figure is what PostgreSQL itself says, for data that is out to break the way it takes."""

import random
import sys
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from measuring import close, columns, measured, same

from factbook.profile import planning
from factbook.profile.feeds.postgres import PostgresFeed
from factbook.sources.connectors import connector_for
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import from_payload

NUMBERS = ("smallint", "integer", "bigint", "numeric", "numeric(12,3)", "real", "double precision")
MOMENTS = ("date", "timestamp", "timestamptz", "time")
TEXTS = ("text", "varchar(40)", "char(12)", "uuid")
VALUES = {
    "smallint": ["0", "-32768", "32767", "7", "7"],
    "integer": ["0", "-2147483648", "2147483647", "-1"],
    "bigint": ["9223372036854775807", "-9223372036854775808", "9223372036854775806", "0", "0"],
    "numeric": ["12345678901234567890.123456789", "-0.000000001", "0", "1.10", "1.1"],
    "numeric(12,3)": ["999999999.999", "-999999999.999", "0.000", "0.001"],
    "real": ["3.4e37", "-1.5", "0", "-0", "1e-30", "0.1"],
    "double precision": ["1.7e150", "-1.5", "0", "-0", "5e-300", "0.1"],
    "date": ["0044-03-15 BC", "0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"],
    "timestamp": ["0044-03-15 12:00:00 BC", "1970-01-01 00:00:00", "2024-02-29 23:59:59.999999", "9999-12-31 23:59:59"],
    "timestamptz": ["1970-01-01 00:00:00+02", "2024-02-29 23:59:59.5-08", "0044-03-15 12:00:00+00 BC"],
    "time": ["00:00:00", "23:59:59.999999", "24:00:00", "12:30:00"],
    "text": [
        "",
        " ",
        "\\N",
        "\\",
        "\\\\n",
        "a\tb",
        "a\nb",
        "\r",
        "\x0b\x0c\x08",
        "\\b",
        "'\"",
        '"',
        "NULL",
        "null",
        "é",
        "😀😀",
        "z" * 5000,
        "z" * 5001,
    ],
    "varchar(40)": ["", "x,y;z|", "\\t", "\x01\x7f", "Ünïcödé"],
    "char(12)": ["a", "a ", "ab", ""],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-ffff-ffff-ffff-ffffffffffff"],
}


@pytest.fixture(scope="module")
def database(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def truth(connection, table, name, data_type):
    """Return what the engine says of a column, a statement a figure."""
    column = f'"{name}"'
    text = f'{column}::text COLLATE "C"'

    def one(expression, where="true"):
        return connection.execute(f'SELECT {expression} FROM "{table}" WHERE {where}').fetchone()[0]

    found = {"null_count": one("count(*)", f"{column} IS NULL")}
    found["distinct_count"] = one(f"count(DISTINCT {column})")
    counts = connection.execute(f'SELECT count(*) FROM "{table}" WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY 1 DESC LIMIT 10')
    found["counts"] = [count for (count,) in counts] if found["distinct_count"] else []
    if data_type in NUMBERS:
        found |= {"minimum": one(f"min({column})"), "maximum": one(f"max({column})")}
        found |= {
            "mean": one(f"avg({column})"),
            # Of whole numbers PostgreSQL rounds it to whole numbers where they are large; with decimals to keep it does not.
            "deviation": one(f"stddev_samp({column} + 0.00000000000000000000)"),
            "total": one(f"sum({column}{'::float8' if data_type == 'real' else ''})"),
        }
        found |= {"zero_count": one("count(*)", f"{column} = 0"), "negative_count": one("count(*)", f"{column} < 0")}
    elif data_type in MOMENTS:
        shift = " AT TIME ZONE 'UTC'" if data_type == "timestamptz" else ""
        found |= {"minimum": one(f"(min({column}){shift})::text"), "maximum": one(f"(max({column}){shift})::text")}
    elif data_type in TEXTS:
        found |= {"minimum": one(f"min({text})"), "maximum": one(f"max({text})"), "empty_count": one("count(*)", f"{column}::text = ''")}
        lengths = f"length({column}::text)"
        found |= {"minimum_length": one(f"min({lengths})"), "maximum_length": one(f"max({lengths})"), "mean_length": one(f"avg({lengths})")}
    if data_type in NUMBERS + MOMENTS:
        shares = "ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]"
        shift = " AT TIME ZONE 'UTC'" if data_type == "timestamptz" else ""
        cast = "" if data_type in NUMBERS else "::text"
        rows = connection.execute(
            f'SELECT (q{shift}){cast} FROM unnest((SELECT percentile_disc({shares}) WITHIN GROUP (ORDER BY {column}) FROM "{table}")) '
            "WITH ORDINALITY AS u(q, place) ORDER BY place"
        ).fetchall()
        found["quantiles"] = [value for (value,) in rows if value is not None]
    return found


def differences(column, expected):
    """Return the figures that are not what the engine says."""
    wrong = {}
    for figure, theirs in expected.items():
        if figure == "counts":
            ours = [item.count for item in column.frequent]
            theirs = [] if theirs and theirs[0] == 1 else theirs
            right = ours == theirs
        elif figure == "quantiles":
            ours = [item.value for item in column.quantiles]
            right = len(ours) == len(theirs) and all(map(same, ours, theirs))
        else:
            ours = getattr(column, figure)
            shown = theirs[:255] + "…" if isinstance(theirs, str) and len(theirs) > 256 else theirs
            right = close(ours, theirs) if figure in ("mean", "deviation", "total", "mean_length") else same(ours, shown)
        if not right:
            wrong[figure] = (ours, theirs)
    return wrong


def fill(connection, table, data_type, values):
    connection.execute(f'DROP TABLE IF EXISTS "{table}"')
    connection.execute(f'CREATE TABLE "{table}" (place integer, value {data_type})')
    with connection.cursor() as cursor:
        cursor.executemany(f'INSERT INTO "{table}" VALUES (%s, %s::{data_type})', list(enumerate(values)))


@pytest.mark.parametrize("data_type", VALUES)
def test_hard_values_of_a_type_are_measured_as_the_engine_does(database, postgres_url, data_type):
    table = f"hard {data_type}"
    fill(database, table, data_type, [*VALUES[data_type], None, *VALUES[data_type][:2]])
    column = columns(measured(postgres_url, table))["value"]
    assert differences(column, truth(database, table, "value", data_type)) == {}


@pytest.mark.parametrize("data_type", ["real", "double precision", "numeric", "numeric(12,3)"])
def test_what_is_no_finite_number_is_counted_and_leaves_the_mean_out(database, postgres_url, data_type):
    values = ["NaN", "1.5", "NaN", None] + (["Infinity", "-Infinity"] if data_type != "numeric(12,3)" else [])
    fill(database, f"odd {data_type}", data_type, values)
    column = columns(measured(postgres_url, f"odd {data_type}"))["value"]
    found = (column.null_count, column.distinct_count, column.not_finite_count, column.mean, column.maximum, column.histogram)
    assert found == (1, len(set(values)) - 1, len(values) - 2, None, "NaN", [])


@pytest.mark.parametrize(("data_type", "value"), [("date", "infinity"), ("timestamp", "-infinity"), ("timestamptz", "infinity")])
def test_moments_without_end_are_values_like_others(database, postgres_url, data_type, value):
    fill(database, f"endless {data_type}", data_type, [value, "2024-01-01", None])
    column = columns(measured(postgres_url, f"endless {data_type}"))["value"]
    assert (column.null_count, column.distinct_count) == (1, 2)
    assert value in (column.minimum, column.maximum)


def test_years_that_cannot_be_counted_are_measured_as_they_are_written(database, postgres_url):
    fill(database, "far", "date", ["5874897-12-31", "2024-01-01", "4713-01-01 BC", None])
    column = columns(measured(postgres_url, "far"))["value"]
    assert (column.null_count, column.distinct_count) == (1, 3)
    assert column.maximum == "5874897-12-31" or "written" in (column.skipped or "")


def test_numbers_that_no_decimal_holds_are_measured_as_doubles_and_it_says_so(database, postgres_url):
    fill(database, "huge", "numeric", ["1" + "0" * 60, "-1", None])
    column = columns(measured(postgres_url, "huge"))["value"]
    assert (column.null_count, column.distinct_count, column.maximum) == (1, 2, 1e60)
    assert "double precision" in (column.skipped or "")


@pytest.mark.parametrize(("name", "rows"), [("nothing", []), ("nulls", [None, None]), ("one", ["x"])])
def test_empty_null_and_single_columns(database, postgres_url, name, rows):
    fill(database, name, "text", rows)
    column = columns(measured(postgres_url, name))["value"]
    assert differences(column, truth(database, name, "value", "text")) == {}
    assert column.is_key_candidate in (None, False)


ODD = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TYPE pair AS (a integer, b text);
    CREATE DOMAIN cents AS bigint CHECK (value >= 0);
    CREATE TABLE "Odd ""Name"" %s é" (
        "A" integer PRIMARY KEY, a text, "select" jsonb, "tab\tname" json, e mood, d cents, bin bytea, arr integer[],
        i interval, p pair, ip inet, flag boolean, x xml, "c0" text, "block" integer
    );
    INSERT INTO "Odd ""Name"" %s é" VALUES
        (1, 'x', '{"b":1,"a":[1,"\\\\"]}', '{"k": "v\\\\n"}', 'happy', 5, '\\x00ff', '{1,NULL,3}',
         '1 day', ROW(NULL, NULL), '10.0.0.1', true, '<a/>', 'q', 1),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (3, 'x', '{"a": [1, "\\\\"], "b": 1}', '[]', 'sad', 5, '\\x', '{}',
         '24:00:00', ROW(1, 'b'), '10.0.0.1', false, '<b/>', 'q', 1)
"""


def test_odd_names_and_types_are_measured(database, postgres_url):
    database.execute(ODD.replace("%s", "%"))
    found = columns(measured(postgres_url, 'Odd "Name" % é'))
    assert {name: column.null_count for name, column in found.items()} == {name: int(name != "A") for name in found}
    distinct = {name: found[name].distinct_count for name in ("A", "a", "select", "e", "d", "arr", "p", "ip", "flag", "c0", "block")}
    assert distinct == {"A": 3, "a": 1, "select": 1, "e": 2, "d": 1, "arr": 2, "p": 2, "ip": 1, "flag": 2, "c0": 1, "block": 1}
    assert (found["bin"].minimum_length, found["bin"].maximum_length, found["bin"].distinct_count) == (0, 2, None)
    assert found["select"].distinct_method == "by text"
    assert found["A"].is_key_candidate
    assert found["d"].is_constant


def test_a_value_of_a_megabyte_is_cut_in_the_facts_and_measured_whole(database, postgres_url):
    fill(database, "long", "text", ["é" * 1_000_000, "é" * 1_000_000, "é" * 999_999 + "x", "short"])
    column = columns(measured(postgres_url, "long"))["value"]
    assert (column.maximum_length, column.distinct_count, column.frequent[0].count) == (1_000_000, 3, 2)
    assert max(len(str(item.value)) for item in column.frequent) <= 256


def test_large_numbers_that_differ_little_keep_their_deviation(database, postgres_url):
    fill(database, "close", "bigint", [str(9_000_000_000_000_000_000 + number) for number in (0, 1, 2, 3)])
    column = columns(measured(postgres_url, "close"))["value"]
    assert close(column.deviation, 1.2909944487358056)


def test_the_histogram_counts_every_value_once(database, postgres_url):
    draw = random.Random(7)
    fill(database, "bars", "double precision", [str(draw.gauss(0, 10)) for _ in range(500)])
    column = columns(measured(postgres_url, "bars"))["value"]
    assert sum(bar.count for bar in column.histogram) == 500
    for bar in column.histogram[:-1]:
        inside = database.execute("SELECT count(*) FROM bars WHERE value >= %s AND value < %s", (bar.lower, bar.upper)).fetchone()[0]
        assert abs(inside - bar.count) <= 1


@pytest.mark.parametrize("data_type", VALUES)
def test_what_the_engine_computes_in_a_pass_is_the_same(database, postgres_url, data_type):
    table = f"pass {data_type}"
    fill(database, table, data_type, [*VALUES[data_type], None])
    column = engine_figures(postgres_url, table)["value"]
    expected = truth(database, table, "value", data_type)
    computed = {
        "null_count",
        "minimum",
        "maximum",
        "mean",
        "deviation",
        "total",
        "zero_count",
        "negative_count",
        "empty_count",
        "mean_length",
    }
    left_out = {"minimum", "maximum", "empty_count", "mean_length"} if data_type == "uuid" else set()
    assert differences(column, {name: value for name, value in expected.items() if name in computed - left_out}) == {}


def engine_figures(url, table):
    """Return what the feed lets PostgreSQL compute."""
    connector = connector_for(url)
    from measuring import SOURCE, scanned

    from factbook_sdk.facts import MetadataTarget

    stored = scanned(url).latest(MetadataTarget(SOURCE, "public", table), "schema_snapshot")
    feed, name = PostgresFeed(), TableName("public", table)
    with connector.open_session() as session:
        figures = feed.figures_of(session, name, planning.plans(name, from_payload(stored.record.payload), feed.family_of))
    return {column.name: column for column in figures.columns}


CELLS = {
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(-(10**15), 10**15, places=4),
    "double precision": st.floats(-1e100, 1e100, allow_nan=False, allow_subnormal=False),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12),
    "date": st.dates(),
    "timestamp": st.datetimes(),
}


@settings(max_examples=15)
@given(data=st.data())
def test_random_tables_are_measured_as_the_engine_does(database, postgres_url, data):
    types = data.draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    rows = data.draw(st.lists(st.tuples(*(st.none() | CELLS[data_type] for data_type in types)), max_size=30))
    database.execute("DROP TABLE IF EXISTS random_rows")
    database.execute(f"CREATE TABLE random_rows ({', '.join(f'c{place} {name}' for place, name in enumerate(types))})")
    with database.cursor() as cursor:
        cursor.executemany(f"INSERT INTO random_rows VALUES ({', '.join(['%s'] * len(types))})", rows)
    snapshot = measured(postgres_url, "random_rows")
    assert snapshot.row_count == len(rows)
    found = columns(snapshot)
    wrong = {name: differences(found[name], truth(database, "random_rows", name, types[int(name[1:])])) for name in found}
    assert not any(wrong.values()), wrong
