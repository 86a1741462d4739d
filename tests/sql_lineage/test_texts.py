"""Files, logs of queries and texts: what is stored under which name, and what is never stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.sql_lineage.asking import House, direct, table

from factbook.errors import InvalidRequest, NotFound
from factbook.lineage.sql import Options

LOAD = """
-- Totals of the day
CREATE TEMP TABLE paid AS SELECT customer_id, amount AS paid FROM orders WHERE state = 'paid';
CREATE TEMPORARY TABLE sums (who INTEGER, total REAL);
INSERT INTO sums SELECT customer_id, sum(paid) FROM paid GROUP BY customer_id;
INSERT INTO totals (customer_id, total) SELECT who, total FROM sums;
DROP TABLE paid;
"""


def test_temporary_tables_are_followed_to_what_is_behind_them(shop: House, tmp_path: Path) -> None:
    report = shop.read_file(tmp_path / "load.sql", LOAD)
    assert (report.failed, report.unknown, report.edges) == (0, [], 1)
    name = (tmp_path / "load.sql").as_posix()
    fact = shop.lineage("shop", f"sql:{name}")["totals"]
    assert fact is not None
    assert direct(fact.inputs) == {("customer_id", "orders", "customer_id"), ("total", "orders", "amount")}
    assert fact.inputs[0].type == "aggregated"
    assert {(edge.input, edge.subtype) for edge in fact.inputs[0].columns if edge.output == "total" and edge.type == "indirect"} == {
        ("state", "FILTER"),
        ("customer_id", "GROUP_BY"),
    }
    assert (fact.origin, fact.evidence.file, fact.evidence.line) == ("sql", name, 6)
    assert fact.statement.startswith("INSERT INTO totals")


def test_what_one_file_says_of_a_table_is_one_fact(shop: House, tmp_path: Path) -> None:
    text = "INSERT INTO totals SELECT id, amount FROM orders; INSERT INTO totals (customer_id) SELECT id FROM customer"
    report = shop.read_file(tmp_path / "two.sql", text)
    assert (report.statements, report.edges, len(report.flows)) == (2, 2, 1)
    [fact] = shop.lineage("shop").values()
    assert direct(fact.inputs) == {
        ("customer_id", "customer", "id"),
        ("customer_id", "orders", "id"),
        ("total", "orders", "amount"),
    }


def test_files_do_not_replace_each_other_and_a_new_version_replaces_the_old(shop: House, tmp_path: Path) -> None:
    (one, two), target = (tmp_path / "one.sql", tmp_path / "two.sql"), "INSERT INTO totals (total) SELECT amount FROM "
    for _ in range(2):
        report = shop.read_file(one, target + "orders")
    assert report.stored["unchanged"] == 1
    shop.read_file(two, target + "big; INSERT INTO customer (name) SELECT state FROM orders")
    assert {path.as_posix() for path in (one, two)} == {
        fact.evidence.file for name in (one, two) for fact in shop.lineage("shop", f"sql:{name.as_posix()}").values() if fact is not None
    }
    broken = shop.read_file(two, "INSERT INTO customer (name) SELECT email FROM customer; SELEC bad")
    assert (broken.failed, broken.ended) == (1, 0)
    assert shop.lineage("shop", f"sql:{two.as_posix()}")["totals"] is not None
    mended = shop.read_file(two, "INSERT INTO customer (name) SELECT email FROM customer")
    assert (mended.failed, mended.ended) == (0, 1)
    assert shop.lineage("shop", f"sql:{two.as_posix()}")["totals"] is None
    assert shop.lineage("shop", f"sql:{one.as_posix()}")["totals"] is not None


def test_a_statement_that_is_wrong_takes_no_other_with_it(shop: House, tmp_path: Path) -> None:
    text = "INSERT INTO totals SELECT 1, 2;\nSELECT FROM (;\n'unended;\nINSERT INTO totals (total) SELECT amount FROM orders"
    report = shop.read_file(tmp_path / "bad.sql", text.replace("'unended;\n", ""))
    assert [(failure.at.rpartition(":")[2], failure.excerpt) for failure in report.failures] == [("2", "SELECT FROM (")]
    assert report.edges == 1


def test_names_that_mean_nothing_are_kept_with_the_reason(shop: House, tmp_path: Path) -> None:
    report = shop.read_file(tmp_path / "far.sql", "INSERT INTO totals (total) SELECT price FROM elsewhere.prices")
    assert [(item.name, item.reason) for item in report.unknown] == [("elsewhere.prices", "shop has no table elsewhere.prices")]
    fact = shop.lineage("shop")["totals"]
    assert fact.inputs[0].table == table("elsewhere.prices", None)
    assert [(item.name, item.reason) for item in fact.unresolved] == [("elsewhere.prices", "shop has no table elsewhere.prices")]


def test_columns_that_are_not_known_leave_the_table_alone(shop: House, tmp_path: Path) -> None:
    report = shop.read_file(tmp_path / "star.sql", "INSERT INTO totals SELECT * FROM elsewhere")
    [fact] = shop.lineage("shop").values()
    assert (report.edges, report.column_edges) == (1, 0)
    assert fact.inputs[0].metadata == {"columns_unknown": "a * over it could not be expanded: its columns are not known"}


def test_a_table_that_a_file_creates_has_the_columns_it_says(shop: House, tmp_path: Path) -> None:
    text = "CREATE TABLE fresh (a, b); INSERT INTO fresh SELECT id, name FROM customer; INSERT INTO totals SELECT * FROM fresh"
    report = shop.read_file(tmp_path / "fresh.sql", text)
    assert report.unknown == []
    assert direct(shop.lineage("shop")["fresh"].inputs) == {("a", "customer", "id"), ("b", "customer", "name")}
    assert direct(shop.lineage("shop")["totals"].inputs) == {("customer_id", "fresh", "a"), ("total", "fresh", "b")}


def test_a_table_is_no_input_of_its_own_filter(shop: House, tmp_path: Path) -> None:
    shop.read_file(tmp_path / "up.sql", "UPDATE totals SET total = o.amount FROM orders o WHERE o.customer_id = totals.customer_id")
    [fact] = shop.lineage("shop").values()
    assert [item.table.table for item in fact.inputs] == ["orders"]


def test_columns_that_belong_to_no_table_are_a_warning(shop: House, tmp_path: Path) -> None:
    report = shop.read_file(tmp_path / "odd.sql", "INSERT INTO totals (total) SELECT nosuch FROM orders")
    assert report.warnings == ["1 columns belong to no known table: nosuch"]


def test_bare_queries_are_answered_and_warned_of(shop: House, tmp_path: Path) -> None:
    report = shop.read_file(tmp_path / "q.sql", "SELECT name FROM customer;\nSELECT id FROM orders")
    assert report.warnings == ["0 edges from 2 statements; 2 of them fill no table"]
    assert [(flow.target, flow.at.rpartition(":")[2], flow.inputs[0].table.table) for flow in report.flows] == [
        (None, "1", "customer"),
        (None, "2", "orders"),
    ]
    assert shop.runs("shop")[-1]["warnings"] == report.warnings


def test_a_search_path_says_which_table_is_meant(shop: House, tmp_path: Path) -> None:
    text = "USE nowhere; INSERT INTO main.totals (total) SELECT amount FROM orders"
    # SQLite knows no such statement; that it was one is what matters.
    report = shop.read_file(tmp_path / "path.sql", text, dialect="mysql")
    assert report.flows[0].inputs[0].table == table("orders")


@pytest.mark.parametrize("form", ["lines", "ndjson"])
def test_a_log_of_queries_keeps_no_strings(shop: House, tmp_path: Path, form: str) -> None:
    queries = [
        "INSERT INTO totals (total) SELECT amount FROM orders WHERE state = 'secret@example.com'",
        "SELECT * FROM customer WHERE email = 'hidden@example.com'",
        "SELECT FROM 'hidden@example.com' WHERE (",
        "SELECT * FROM customer WHERE email = 'hidden@example.com",
        "INSERT INTO totals (total) SELECT amount FROM orders WHERE state = 'secret@example.com'",
    ]
    if form == "lines":
        path, text = tmp_path / "queries.log", "\n".join(query + ";" for query in queries)
    else:
        fields = ("query", "sql", "statement", "query", "sql")
        entries = [{"at": "2026-01-01", field: query} for field, query in zip(fields, queries, strict=True)]
        path, text = tmp_path / "queries.ndjson", "\n".join(map(json.dumps, [*entries, {"other": 1}]))
    report = shop.read_file(path, text)
    assert (report.statements, report.failed) == (4, 2)
    fact = shop.lineage("shop")["totals"]
    assert "state = '?'" in fact.statement
    everything = "".join(str(item.record) for item in shop.repository.tail(limit=1000).records) + str(report)
    assert "example.com" not in everything


def test_a_dry_run_stores_nothing(shop: House, tmp_path: Path) -> None:
    before = len(shop.repository.tail(limit=1000).records)
    report = shop.read_file(tmp_path / "dry.sql", "INSERT INTO totals (total) SELECT amount FROM orders", dry_run=True)
    assert (report.edges, report.stored) == (1, None)
    assert len(shop.repository.tail(limit=1000).records) == before


def test_a_text_is_known_by_its_name_or_by_what_is_in_it(shop: House) -> None:
    sql = "INSERT INTO totals (total) SELECT amount FROM orders"
    shop.sql.read_text("shop", sql, name="nightly")
    shop.sql.read_text("shop", sql)
    confirms = [run["confirms"] for run in shop.runs("shop")]
    assert confirms[0] == ["sql:nightly"]
    assert confirms[1][0].startswith("sql:text-")
    assert shop.lineage("shop", "sql:nightly")["totals"].evidence.file == "nightly"


def test_a_folder_is_its_sql_files(shop: House, tmp_path: Path) -> None:
    folder = tmp_path / "etl" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.sql").write_text("INSERT INTO totals (total) SELECT amount FROM orders")
    (folder / "notes.txt").write_text("no SQL")
    report = shop.sql.read_files("shop", [tmp_path / "etl", folder / "a.sql"])
    assert report.statements == 1


@pytest.mark.parametrize("place", ["missing.sql", "empty"])
def test_paths_without_sql_are_refused(shop: House, tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises((NotFound, InvalidRequest)):
        shop.sql.read_files("shop", [tmp_path / place])


def test_what_is_no_text_fails_alone(shop: House, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"\x00\x01\x02SELECT")
    (tmp_path / "b.sql").write_bytes("INSERT INTO totals (total) SELECT amount FROM orders -- Grüße".encode("latin-1"))
    report = shop.sql.read_files("shop", [tmp_path / "a.sql", tmp_path / "b.sql"])
    assert [failure.reason for failure in report.failures] == [f"{tmp_path / 'a.sql'} is no text: it holds a NUL"]
    assert report.edges == 1


def test_a_source_or_a_dialect_that_nobody_knows_is_refused(shop: House) -> None:
    with pytest.raises(NotFound):
        shop.sql.read_text("nowhere", "SELECT 1")
    with pytest.raises(InvalidRequest, match="No dialect is called 'klingon'"):
        shop.sql.read_text("shop", "SELECT 1", Options(dialect="klingon"))


def test_what_decides_about_rows_is_said_of_every_column_or_of_the_row(shop: House, tmp_path: Path) -> None:
    few = ", ".join(f"{number} AS c{number}" for number in range(3))
    many = ", ".join(f"{number} AS c{number}" for number in range(4_001))
    for name, outputs in (("few", few), ("many", many), ("none", None)):
        made = f"CREATE TABLE {name} AS SELECT {outputs} FROM orders WHERE state = 'x'" if outputs else ""
        shop.read_file(tmp_path / f"{name}.sql", made or "INSERT INTO totals SELECT * FROM elsewhere, orders WHERE orders.state = 'x'")
    lineage = shop.lineage("shop")
    said = {name: [edge.output for edge in fact.inputs[-1].columns] for name, fact in lineage.items() if fact is not None}
    assert said == {"few": ["c0", "c1", "c2"], "many": ["*"], "totals": ["*"]}


def test_a_name_that_no_fact_can_carry_fails_alone(shop: House) -> None:
    sql = f"INSERT INTO {'x' * 600} (a) SELECT amount FROM orders; INSERT INTO totals (total) SELECT amount FROM orders"
    report = shop.sql.read_text("shop", sql, name="long")
    assert (report.failed, report.stored["stored"]) == (1, 1)
    assert "600 characters" in report.failures[0].reason


def test_what_the_log_refuses_is_said(shop: House) -> None:
    report = shop.sql.read_text("shop", 'INSERT INTO totals (total) SELECT "" FROM orders, elsewhere', name="empty")
    assert report.stored["stored"] == 0
    assert report.failures[0].reason.startswith("what fills shop.main.totals was refused: payload.inputs[0].columns[0].input")
    [run] = shop.runs("shop")
    assert run["failed"] == 1
