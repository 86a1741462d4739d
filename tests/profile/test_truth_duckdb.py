"""A DuckDB file is measured where it lies, by the same statements, and nothing is written to it."""

import sys
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from measuring import close, columns, measured, run, same, scanned

from factbook.errors import Cancelled
from factbook.profile.model import Budget, Sampling

MADE = """
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE odd AS SELECT * FROM (VALUES
        (1::BIGINT, (-9223372036854775807 - 1)::BIGINT, 0.10::DECIMAL(10,2), 'NaN'::DOUBLE,
         TIMESTAMP '2024-02-29 12:00:00', 'a' || chr(0) || 'b',
         'sad'::mood, '\\x00\\xFF'::BLOB, [1, NULL], TIMESTAMPTZ '2024-02-29 12:00:00+02', uuid '00000000-0000-0000-0000-000000000001'),
        (2, 9223372036854775807, NULL, -0.0, 'infinity', '', 'happy', '', [], NULL, NULL),
        (3, NULL, 99999999.99, 0.0, NULL, NULL, NULL, NULL, NULL, TIMESTAMPTZ '2024-02-29 10:00:00+00', NULL)
    ) AS t(id, big, price, weight, moment, "te""xt", mood, raw, list, zoned, uid);
    CREATE TABLE many AS SELECT i AS id, i % 1000 AS customer, CASE WHEN i % 4 = 0 THEN NULL ELSE i * 0.5 END AS price, 'n' || i % 7 AS name
        FROM range(200000) r(i);
    CREATE TABLE none (a INTEGER, b VARCHAR);
    CREATE VIEW few AS SELECT * FROM many LIMIT 3;
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    path = tmp_path_factory.mktemp("duck") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(MADE)
    return f"duckdb:///{path}"


def truth(url, statement):
    with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
        return connection.execute(statement).fetchone()


def test_a_measurement_that_is_cancelled_half_way_ends_before_its_last_column(url):
    asked = []

    def stop_at_the_third_column():
        asked.append(1)
        if len(asked) > 7:
            raise Cancelled("stopped")

    repository = scanned(url)
    with pytest.raises(Cancelled):
        run(url, repository, tables=["many"], check_cancelled=stop_at_the_third_column)
    assert repository.query("statistics_snapshot").records == []


def test_hard_values_are_measured_as_the_engine_does(url):
    found = columns(measured(url, "odd"))
    assert {name: column.null_count for name, column in found.items()} == {
        **dict.fromkeys(("id", "weight"), 0),
        **dict.fromkeys(("big", "price", "moment", 'te"xt', "mood", "raw", "list", "zoned"), 1),
        "uid": 2,
    }
    assert (found["big"].minimum, found["big"].maximum) == (-(2**63), 2**63 - 1)
    assert close(found["big"].mean, -0.5)
    assert (found["price"].maximum, found["price"].total) == ("99999999.99", 100000000.09)
    assert (found["weight"].distinct_count, found["weight"].not_finite_count, found["weight"].maximum) == (2, 1, "NaN")
    assert (found["moment"].minimum, found["moment"].maximum) == ("2024-02-29 12:00:00", "infinity")
    assert (found['te"xt'].maximum, found['te"xt'].empty_count, found['te"xt'].maximum_length) == ("a\u2400b", 1, 3)
    assert (found["raw"].minimum_length, found["raw"].maximum_length) == (0, 2)
    assert (found["zoned"].distinct_count, found["zoned"].minimum) == (1, "2024-02-29 10:00:00")
    assert (found["list"].distinct_count, found["list"].distinct_method) == (2, "by text")


def test_a_larger_table_is_measured_whole_and_equals_the_truth(url):
    snapshot = measured(url, "many")
    found = columns(snapshot)
    assert (snapshot.origin, snapshot.row_count, snapshot.bill.bytes_read) == ("exact", 200000, 0)
    mean, deviation, distinct, median = truth(
        url, "SELECT avg(price), stddev_samp(price), count(DISTINCT price), quantile_disc(price, 0.5) FROM many"
    )
    price = found["price"]
    assert close(price.mean, mean)
    assert close(price.deviation, deviation)
    assert price.distinct_count == distinct
    assert same(price.quantiles[2].value, median)
    assert [item.count for item in found["name"].frequent] == [28572] * 3 + [28571] * 4
    assert found["id"].is_key_candidate


def test_a_sample_says_so_and_lies_within_its_error(url):
    whole, snapshot = columns(measured(url, "many")), measured(url, "many", sampling=Sampling(rows=5000, seed=3))
    assert (snapshot.origin, snapshot.sample.method) == ("sampled", "bernoulli")
    for name, column in columns(snapshot).items():
        assert column.distinct_low <= whole[name].distinct_count <= column.distinct_high
        if column.mean is not None:
            assert abs(column.mean - whole[name].mean) <= 3 * column.mean_margin


def test_an_empty_table_and_a_view_are_measured(url):
    assert [column.distinct_count for column in measured(url, "none").columns] == [0, 0]
    assert measured(url, "few").row_count == 3


def test_the_file_is_as_it_was(url, tmp_path):
    path = Path(url.removeprefix("duckdb:///"))
    before = path.read_bytes()
    result = run(url, scanned(url), budget=Budget(rows=100_000))
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert result.bill.rows_read <= 110_000
