"""A run costs a handful of statements, survives being killed, can be run again, and never passes what it did not judge."""

import random
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from houses import facts, house, judged

from factbook.cli.quality_run import show
from factbook.errors import Cancelled, InvalidRequest, NotFound
from factbook.quality.facts import Facts
from factbook.quality.job import Rulebook
from factbook.quality.model import QualityRequest
from factbook.quality.rules import rules_of
from factbook.quality.running import run_quality
from factbook.sources.connectors import connector_for
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.anomaly import Anomaly
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot

TABLES = 5


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "shop.sqlite"
    for number in range(TABLES):
        execute(
            file,
            f"CREATE TABLE t{number} (id integer NOT NULL, name text, at timestamp)",
            f"INSERT INTO t{number} VALUES (1, 'a', '2026-01-01'), (2, NULL, '2026-01-02'), (3, 'a', '2026-01-03')",
        )
    return file


@pytest.fixture
def factbook(tmp_path, path):
    with house(tmp_path / "data", f"sqlite:///{path}") as opened:
        yield opened


EVERYWHERE = "tables:\n  - table: main.*\n    checks:\n      - not_null: [id, name]\n      - unique: name\n"


def test_two_hundred_checks_of_one_table_are_a_handful_of_statements(factbook):
    checks = [f"      - {{range: {{column: id, min: {number}}}, id: r{number}}}" for number in range(120)]
    checks += [f"      - {{accepted_values: {{column: name, values: [a, v{number}]}}, id: a{number}}}" for number in range(78)]
    checks += ["      - {unique: id, id: u}", "      - {unique: name, id: v}"]
    run, found = judged(factbook, "tables:\n  - table: main.t0\n    checks:\n" + "\n".join(checks))
    assert (len(found), run.statements) == (200, 3)
    assert run.outcomes == {"passed": 2 + 78 + 1, "failed": 118 + 1, "warned": 0, "error": 0, "skipped": 0}
    assert [found[f"r{number}"].rows_failed for number in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_finding_the_one_that_is_at_fault_costs_few_statements(factbook):
    checks = "".join(
        f"      - {{range: {{column: id, min: {number}}}, id: r{number}, where: id > 0 OR 1 = {number}}}\n" for number in range(64)
    )
    checks += "      - {not_null: id, id: bad, where: no_such_function(id)}\n"
    run, found = judged(factbook, "tables:\n  - table: main.t0\n    checks:\n" + checks)
    assert [rule for rule, one in found.items() if one.outcome == "error"] == ["bad"]
    assert run.statements < 40


def test_a_second_run_says_the_same_and_stores_the_score_once(factbook):
    first, _ = judged(factbook, EVERYWHERE)
    second, _ = judged(factbook, EVERYWHERE)
    assert first.outcomes == second.outcomes == {"passed": 5, "warned": 0, "failed": 10, "error": 0, "skipped": 0}
    assert len(facts(factbook, "quality_score", "t0")) == 1
    assert len(facts(factbook, "quality_result", "t0")) == 6


def test_two_runs_at_once_say_the_same(factbook):
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: judged(factbook, EVERYWHERE)[0], range(2)))
    assert runs[0].outcomes == runs[1].outcomes
    assert len(facts(factbook, "quality_result", "t0")) == 6
    assert len(facts(factbook, "quality_score", "t0")) == 1


def request(text, run_id="run-1", **options):
    return QualityRequest("shop", rules_of(text, "rules.yaml"), context=MetadataContext(job_id=run_id, run_id=run_id), **options)


def connect(path):
    return lambda: connector_for(f"sqlite:///{path}")


def test_a_run_that_was_stopped_goes_on_with_the_next_table(factbook, path):
    seen = []

    def stop():
        if len(seen) == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run_quality(
            connect(path), factbook.repository, request(EVERYWHERE), on_progress=lambda *one: seen.append(one[2]), check_cancelled=stop
        )
    done = len(facts(factbook, "quality_result"))
    assert done == 3 * 3
    again = run_quality(connect(path), factbook.repository, request(EVERYWHERE))
    assert (again.resumed_tables, again.statements, again.rules) == (3, 2 * 2, 15)
    assert len(facts(factbook, "quality_result")) == 15
    assert len(facts(factbook, "quality_score", "t0")) == 1


def test_a_finished_run_is_not_run_again(factbook, path):
    first = run_quality(connect(path), factbook.repository, request(EVERYWHERE + "    promises: {completeness: 0.5}\n"))
    again = run_quality(connect(path), factbook.repository, request(EVERYWHERE + "    promises: {completeness: 0.5}\n"))
    assert (again.outcomes, again.statements) == (first.outcomes, 0)
    assert len(facts(factbook, "sla_adherence", "t0")) == 1


def test_rules_are_chosen_by_table_id_and_tag(factbook):
    text = EVERYWHERE + "      - {not_null: at, id: there, tags: [nightly]}\n"
    assert len(judged(factbook, text, tables=["t1", "main.t2"])[1]) == 4
    assert set(judged(factbook, text, only_rules=["unique:*"])[1]) == {"unique:name"}
    assert set(judged(factbook, text, tags=["nightly"])[1]) == {"there"}
    with pytest.raises(InvalidRequest, match=r"No rule of rules\.yaml is named nothing"):
        judged(factbook, text, only_rules=["nothing"])


def test_a_part_of_the_rules_leaves_the_last_word_of_the_others_in_the_score(factbook, path):
    judged(factbook, EVERYWHERE)
    before = facts(factbook, "quality_score", "t0")[-1]
    judged(factbook, EVERYWHERE, only_rules=["not_null:id"])
    assert facts(factbook, "quality_score", "t0")[-1] == before
    execute(path, "UPDATE t0 SET name = 'n' || id")
    judged(factbook, EVERYWHERE, only_rules=["unique:name"])
    after = facts(factbook, "quality_score", "t0")[-1]
    assert before["score"] < after["score"] < 100


def test_a_rule_for_a_table_that_is_not_there_is_an_error_and_no_pass(factbook):
    run, found = judged(factbook, "tables:\n  - table: main.gone\n    checks:\n      - not_null: id\n    promises: {accuracy: 0.5}\n")
    assert (found["not_null:id"].outcome, found["not_null:id"].reason) == (
        "error",
        "no table matches 'main.gone', as the source was scanned last",
    )
    assert [one.promise.outcome for one in run.promises] == ["unknown"]


def test_rules_about_another_source_and_a_source_never_scanned_are_refused(factbook, path):
    with pytest.raises(InvalidRequest, match=r"No rule of rules\.yaml is about shop"):
        judged(factbook, "source: other\n" + EVERYWHERE)
    factbook.connections.add("new", f"sqlite:///{path}")
    with pytest.raises(InvalidRequest, match="new was never scanned"):
        factbook.own.run_quality("new", rules=Rulebook("r", EVERYWHERE))


def test_a_budget_that_is_used_up_skips_the_rest_and_says_so(factbook):
    run, _ = judged(factbook, EVERYWHERE, budget_seconds=1e-9)
    assert run.outcomes["skipped"] == 15
    assert "budget" in run.noted[0].result.reason
    assert run.score is None


def test_a_statement_that_takes_too_long_is_cut_off_and_said_to_be(factbook):
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    text = (
        f"tables:\n  - table: main.t0\n    checks:\n      - not_null: id\n      - sql: {{query: '{endless}', max: 1}}\n      - unique: id\n"
    )
    _, found = judged(factbook, text, budget_seconds=1.0)
    assert found["not_null:id"].outcome == "passed"
    assert (found["sql"].outcome, found["sql"].reason) == ("error", "the budget of the run was used up")
    assert found["unique:id"].outcome == "error"


def test_a_count_is_compared_with_the_last_one(factbook, path):
    text = "tables:\n  - table: main.t0\n    checks:\n      - row_count: {change: 50%}\n"
    outcomes = []
    for statement in ("SELECT 1", "DELETE FROM t0 WHERE id = 1", "DELETE FROM t0", "SELECT 1"):
        execute(path, statement)
        outcomes.append(judged(factbook, text)[1]["row_count"].outcome)
    assert outcomes == ["skipped", "passed", "failed", "passed"]


def test_structure_is_judged_by_the_scan_without_asking_the_source(factbook, path):
    text = (
        "tables:\n  - table: main.t0\n    checks:\n      - column_exists: [id, gone]\n      - column_type: {column: id, type: INT*}\n"
        "      - {column_type: {column: name, type: integer}, severity: warning}\n"
    )
    run, found = judged(factbook, text)
    outcomes = {"column_exists:id": "passed", "column_exists:gone": "failed", "column_type:id": "passed", "column_type:name": "warned"}
    assert ({rule: one.outcome for rule, one in found.items()}, run.statements) == (outcomes, 0)


def test_promises_are_kept_missed_or_unknown_by_what_was_measured(factbook):
    text = """
tables:
  - table: main.t0
    checks:
      - not_null: [id, name]
      - {accepted_values: {column: name, values: [a]}}
    promises: {completeness: 0.8, accuracy: 0.999, freshness: {column: at, max_age: 1h}}
  - table: main.t1
    promises: {completeness: {min: 0.9, columns: [id, name]}, accuracy: 0.5}
  - table: main.t2
    checks:
      - {not_null: name, id: fine}
      - {not_null: name, id: broken, where: no_such = 1}
    promises: {completeness: 0.1}
promises: {completeness: 0.5}
"""
    run, _ = judged(factbook, text)
    kept = {(one.table, one.promise.name): (one.promise.outcome, one.promise.observed) for one in run.promises}
    age = kept.pop(("t0", "freshness"))
    assert kept == {
        ("t0", "completeness"): ("met", pytest.approx(5 / 6)),
        ("t0", "accuracy"): ("met", 1.0),
        ("t1", "completeness"): ("missed", pytest.approx(5 / 6)),
        ("t1", "accuracy"): ("unknown", None),
        ("t2", "completeness"): ("unknown", None),
        (None, "completeness"): ("unknown", None),
    }
    assert age[0] == "missed"
    stored = {fact["name"]: fact for fact in facts(factbook, "sla_adherence", "t0")}
    assert stored["freshness"]["late_seconds"] == pytest.approx(age[1] - 3600, abs=1)


def test_scores_are_made_of_the_profile_where_there_are_no_rules(factbook):
    columns = [ColumnStatistics("id", null_count=1), ColumnStatistics("name", null_count=3)]
    payload = StatisticsSnapshot("exact", row_count=4, columns=columns)
    factbook.repository.store(record_of(payload, MetadataTarget("shop", "main", "t0"), producer_id="profile.v1"))
    found = factbook.own.run_quality("shop").result
    assert (found.score, found.statements, found.rules) == (75.0, 0, 0)
    page = factbook.own.quality.page("shop")
    assert [(item.table, item.score.score) for item in page.items] == [(None, 75.0), ("t0", 75.0)]


MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def stored_days(factbook):
    """Return the day of each anomaly that is stored, in their order."""
    return [(one.record.produced_at - MONDAY).days for one in factbook.repository.query("anomaly", limit=1000).records]


def store_rows(factbook, counts, table="t0", first=0):
    start = MONDAY + timedelta(days=first)
    target = MetadataTarget("shop", "main", table)
    factbook.repository.bulk_store(
        record_of(StatisticsSnapshot("exact", row_count=count), target, producer_id="profile.v1", produced_at=start + timedelta(days=day))
        for day, count in enumerate(counts)
    )


def test_an_anomaly_is_stored_once_at_the_moment_of_its_measurement(factbook):
    store_rows(factbook, [1000] * 20 + [10] + [1000] * 3)
    runs = [factbook.own.run_quality("shop").result.anomalies for _ in range(2)]
    assert runs == [1, 0]
    stored = factbook.repository.query("anomaly").records
    assert [(one.record.produced_at.day, one.record.payload["direction"], one.record.payload["points"]) for one in stored] == [
        (25, "below", 20)
    ]
    page = factbook.own.quality.anomalies("shop")
    assert ([one.anomaly.metric for one in page.items], page.series, page.silent) == (["row_count"], 1, 0)


def test_each_anomaly_is_stored_once_however_far_the_points_slide(factbook):
    draw = random.Random(5)
    counts = [round(draw.gauss(1000 if day % 7 < 5 else 200, 20)) for day in range(260)]
    for day in (75, 110, 150, 190):
        counts[day] = 3000
    counts[230] = 10
    store_rows(factbook, counts[:200])
    factbook.own.run_quality("shop")
    before = stored_days(factbook)
    for day in range(200, 260):
        store_rows(factbook, counts[day : day + 1], first=day)
        factbook.own.run_quality("shop")
    days = stored_days(factbook)
    assert len(days) == len(set(days))
    assert {110, 150, 190, 230} <= set(days)
    assert [day for day in days if day < 200] == before


def test_an_anomaly_whose_band_is_made_of_less_history_is_the_same_anomaly(factbook):
    at = datetime(2026, 1, 5, tzinfo=UTC)
    target = MetadataTarget("shop", "main", "t0")
    one = Anomaly("row_count", 5.0, 8.0, 9.0, "below", "robust_band", 20, "statistics_snapshot", origin="exact")
    store = Facts(factbook.repository, "shop", MetadataContext()).store_anomalies
    assert store([(target, at, one)]) == 1
    assert store([(target, at, msgspec.structs.replace(one, low=7.5, points=19))]) == 0
    assert store([(target, at, msgspec.structs.replace(one, metric="size_bytes")), (target, at + timedelta(days=1), one)]) == 2


def test_the_anomalies_of_a_table_are_chosen_by_either_of_its_names(factbook):
    store_rows(factbook, [1000] * 20 + [10])
    quality = factbook.own.quality
    assert [len(quality.anomalies("shop", table=name).items) for name in ("main.t0", "t0", "t?", "*.t0")] == [1] * 4


def test_a_name_that_means_no_table_of_the_source_is_not_found(factbook):
    store_rows(factbook, [1000] * 20 + [10])
    judged(factbook, EVERYWHERE)
    for ask in (factbook.own.quality.anomalies, factbook.own.quality.page):
        with pytest.raises(NotFound, match="No table of shop is like 'nowhere'"):
            ask("shop", table="nowhere")
    with pytest.raises(NotFound, match="No table of shop is like 'nowhere'"):
        judged(factbook, EVERYWHERE, tables=["nowhere"])


def test_many_tables_have_the_history_that_each_of_them_needs(factbook, monkeypatch):
    monkeypatch.setattr("factbook.quality.series.MAX_RECORDS", 50)
    for number in range(TABLES):
        store_rows(factbook, [1000] * 20 + [10 + number], table=f"t{number}")
    run = factbook.own.run_quality("shop").result
    assert (run.anomalies, run.histories_are_complete) == (TABLES, True)


def test_a_history_that_is_too_long_to_be_read_is_said_to_be(factbook, monkeypatch, capsys):
    monkeypatch.setattr("factbook.quality.series.MAX_RECORDS", 50)
    store_rows(factbook, [1000] * 60)
    outcome = factbook.own.run_quality("shop")
    show(outcome, quiet=True)
    assert not outcome.result.histories_are_complete
    assert "Not all measurements could be read" in " ".join(capsys.readouterr().out.split())


def test_a_page_of_many_tables_takes_as_many_queries_as_one_of_few(factbook, monkeypatch):
    judged(factbook, EVERYWHERE + "    promises: {completeness: 0.5}\n")
    asked = []
    query = factbook.repository.query
    monkeypatch.setattr(factbook.repository, "query", lambda *names, **options: asked.append(names) or query(*names, **options))
    numbers = []
    for limit in (2, TABLES + 1):
        asked.clear()
        page = factbook.own.quality.page("shop", limit=limit)
        numbers.append((len(page.items), len(asked)))
    assert numbers == [(2, 2), (TABLES + 1, 2)]
    assert [(len(item.results), len(item.promises)) for item in page.items] == [(0, 0), *[(3, 1)] * TABLES]


@pytest.mark.parametrize("page_size", [1, 2, 250])
def test_the_last_results_of_tables_that_were_judged_at_different_times_are_found(factbook, monkeypatch, page_size):
    monkeypatch.setattr("factbook.quality.facts._PAGE", page_size)
    for rule in ("not_null:id", "not_null:name", "unique:name"):
        judged(factbook, EVERYWHERE, only_rules=[rule])
    for _ in range(3):
        judged(factbook, EVERYWHERE, tables=["t3"])
    page = factbook.own.quality.page("shop")
    assert {item.table: len(item.results) for item in page.items if item.table} == {f"t{number}": 3 for number in range(TABLES)}


def test_what_several_rules_counted_last_is_asked_at_once(factbook, monkeypatch):
    text = "tables:\n  - table: main.t0\n    checks:\n" + "".join(
        f"      - {{row_count: {{change: 50%}}, id: r{number}, where: id > {number}}}\n" for number in range(3)
    )
    judged(factbook, text)
    asked = []
    query = factbook.repository.query
    monkeypatch.setattr(factbook.repository, "query", lambda *names, **options: asked.append(names) or query(*names, **options))
    found = Facts(factbook.repository, "shop", MetadataContext()).previous_rows(TableName("main", "t0"), ["r0", "r1", "r2", "r9"])
    assert (found, len(asked)) == ({"r0": 3.0, "r1": 2.0, "r2": 1.0}, 1)


def test_anomalies_of_the_past_are_shown_as_they_were_known_then(factbook):
    store_rows(factbook, [1000] * 20 + [10])
    before = factbook.own.quality.anomalies("shop", as_of=datetime(2026, 1, 24, tzinfo=UTC))
    assert (before.items, before.silent) == ([], 0)
    early = factbook.own.quality.anomalies("shop", as_of=datetime(2026, 1, 10, tzinfo=UTC))
    assert (early.silent, early.points_needed) == (1, 15)


def test_what_was_so_at_a_moment_is_shown_and_a_table_at_a_time(factbook, path):
    judged(factbook, EVERYWHERE)
    moment = datetime.now(UTC)
    execute(path, *(f"UPDATE t{number} SET name = 'n' || id" for number in range(TABLES)))
    judged(factbook, EVERYWHERE)
    quality = factbook.own.quality
    then, now = (quality.page("shop", table="t3", as_of=as_of).items[0] for as_of in (moment, None))
    assert then.score.score < now.score.score == 100
    assert {last.result.outcome for last in then.results} == {"passed", "failed"}
    assert {last.result.outcome for last in now.results} == {"passed"}
    names, cursor = [], None
    while True:
        page = quality.page("shop", limit=2, cursor=cursor)
        names += [item.table for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert names == [None, *(f"t{number}" for number in range(TABLES))]


def test_no_fact_holds_a_value_of_the_data(factbook, path):
    execute(path, "UPDATE t0 SET name = 'S3CRET-' || id")
    text = (
        "tables:\n  - table: main.t0\n    checks:\n      - {accepted_values: {column: name, values: [x]}}\n"
        "      - {regex: {column: name, pattern: '^x'}}\n      - {sql: SELECT name FROM t0}\n"
        "      - {sql: {query: SELECT name FROM t0, max: 1}, id: n}\n"
    )
    judged(factbook, text)
    stored = factbook.repository.tail(limit=1000).records
    assert "S3CRET" not in repr(stored)
