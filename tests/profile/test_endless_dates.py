"""A moment that is infinite is a value and has no place in a histogram."""

import duckdb

from factbook.profile.computing import measure
from factbook.profile.feeding import Brought
from factbook.profile.model import ColumnPlan


def test_infinite_moments_fall_into_no_bar():
    """They used to be counted in the newest one."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (c0 DATE)")
        connection.execute("INSERT INTO t VALUES ('2020-01-01'), ('2020-06-01'), ('2021-01-01'), ('infinity'), ('-infinity')")
        brought = Brought("t", lambda statement: connection.execute(statement).fetchall(), 5, 0, 1)
        (day,) = measure(brought, [ColumnPlan("c0", "day", "date", "date")], rows_of_table=5)
    assert (day.distinct_count, sum(bar.count for bar in day.histogram), day.histogram[-1].count) == (5, 3, 1)
