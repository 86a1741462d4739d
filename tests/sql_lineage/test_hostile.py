"""Statements that nobody should write: each is answered with a reason, and the next one is read."""

from __future__ import annotations

import os
import signal

import pytest

from factbook.lineage.sql import SqlReader
from factbook.lineage.sql.model import Refused, Traced


def ask(reader: SqlReader, sql: str, dialect: str = "postgres") -> Traced | Refused:
    return reader.read(sql, dialect, lambda mentions: [["id", "x", "y"] for _ in mentions])[1]


def doubling(number: int) -> str:
    """Return a query whose columns double with each of its common table expressions."""
    rest = "".join(f", c{i} AS (SELECT a.*, b.* FROM c{i - 1} a CROSS JOIN c{i - 1} b)" for i in range(1, number))
    return f"WITH c0 AS (SELECT * FROM t){rest} SELECT * FROM c{number - 1}"


def growing(number: int) -> str:
    """Return a query whose last column is an expression twice as large with each column before it."""
    return "SELECT x AS a0" + "".join(f", a{i - 1} + a{i - 1} AS a{i}" for i in range(1, number)) + " FROM t"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT '" + "a" * 10_000_000 + "'", "10,000,009 characters, and at most 1,000,000"),
        ("SELECT " + "(" * 100_000 + "x" + ")" * 100_000 + " FROM t", "nested too deep"),
        ("SELECT " + "CASE WHEN x THEN " * 5_000 + "1" + " END" * 5_000 + " FROM t", "nested too deep"),
        ("SELECT '\udc80'", "no text"),
        ("".join(map(chr, range(1, 256))) * 20, ""),
        ("SELECT 'never ended", ""),
        ("/* never ended", ""),
    ],
    ids=["ten megabytes", "parentheses", "cases", "surrogate", "rubbish", "string", "comment"],
)
def test_it_is_refused_with_a_reason(reader: SqlReader, sql: str, reason: str) -> None:
    answer = ask(reader, sql)
    assert isinstance(answer, Refused) or answer == Traced()
    assert reason in getattr(answer, "reason", "")
    assert len(ask(reader, "SELECT x FROM t").outputs) == 1


def test_what_is_only_deep_or_long_is_read(reader: SqlReader) -> None:
    for sql in (
        "SELECT " + "(" * 200 + "x" + ")" * 200 + " AS z FROM t",
        "SELECT x AS z FROM " + "(SELECT x FROM " * 100 + "t" + ") q" * 100,
        " UNION ALL ".join(["SELECT x AS z FROM t"] * 200),
        "SELECT x AS z FROM t WHERE y IN (" + ",".join(map(str, range(20_000))) + ")",
    ):
        answer = ask(reader, sql)
        assert isinstance(answer, Traced), sql[:40]
        assert [edge.column for edge in answer.outputs[0].edges] == ["x"]


def test_what_would_take_for_ever_is_ended_and_the_next_is_read() -> None:
    reader = SqlReader(seconds=1.0)
    try:
        for sql, dialect in ((doubling(60), "postgres"), (growing(60), "snowflake")):
            answer = ask(reader, sql, dialect)
            assert isinstance(answer, Refused)
            assert answer.reason in ("it took longer than 1 seconds", "it takes too much memory")
            assert isinstance(ask(reader, "SELECT x FROM t"), Traced)
    finally:
        reader.close()


def test_a_reader_that_dies_is_replaced(reader: SqlReader) -> None:
    ask(reader, "SELECT x FROM t")
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()
    assert isinstance(ask(reader, "SELECT x FROM t"), Traced)


def test_nothing_is_left_of_a_reader_that_is_closed() -> None:
    reader = SqlReader()
    ask(reader, "SELECT x FROM t")
    process = reader._process
    reader.close()
    reader.close()
    assert process.poll() is not None
