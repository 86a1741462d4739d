"""The quality of one table over time, from facts alone."""

from datetime import UTC, datetime, timedelta

from factbook.quality import tables
from factbook.quality.tables import anomalies_of, quality_over_time, score_of
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.repository.memory import MemoryRepository

START = datetime(2024, 1, 1, tzinfo=UTC)
NAME = TableName("s", "t")


def say(log, kind, payload, number, producer="quality.v1", table="t"):
    context = MetadataContext(run_id=f"run-{number}")
    log.store(MetadataRecord(MetadataTarget("src", "s", table), kind, payload, START + timedelta(days=number), producer, context))


def filled():
    log = MemoryRepository()
    for number, (score, outcome) in enumerate([(90.0, "passed"), (None, "warned"), (70.0, "failed")]):
        payload = {"formula": "f", "formula_version": 1, "coverage": {}, "rules": ["r"]}
        say(log, "quality_score", payload | ({} if score is None else {"score": score}), number)
        say(log, "quality_result", {"rule": "r", "check": "unique", "dimension": "uniqueness", "outcome": outcome}, number)
    return log


def over_time(log, **options):
    return quality_over_time(log, "src", NAME, tenant="default", **({"as_of": None} | options))


def test_scores_come_oldest_first_and_outcomes_newest_first():
    found = over_time(filled())
    assert [scored.score for scored in found.scores] == [90.0, None, 70.0]
    [rule] = found.rules
    assert [(one.outcome, one.run_id) for one in rule.outcomes] == [("failed", "run-2"), ("warned", "run-1"), ("passed", "run-0")]
    assert found.now.score.score == 70.0
    assert [last.result.outcome for last in found.now.results] == ["failed"]
    assert found.is_complete


def test_at_a_moment_it_is_what_was_known_then():
    log = filled()
    found = over_time(log, as_of=START)
    assert ([scored.score for scored in found.scores], found.now.score.score) == ([90.0], 90.0)
    assert score_of(log, "src", NAME, tenant="default", as_of=START).score == 90.0
    before = over_time(log, as_of=START - timedelta(days=1))
    assert (before.now, before.scores, before.rules) == (None, [], [])


def test_what_is_more_than_is_looked_through_is_said(monkeypatch):
    monkeypatch.setattr(tables, "MAX_RESULTS", 2)
    found = over_time(filled())
    assert not found.is_complete
    assert [one.outcome for one in found.rules[0].outcomes] == ["failed", "warned"]


def test_anomalies_are_those_of_the_table_newest_first():
    log = filled()
    odd = {"metric": "row_count", "low": 1.0, "high": 2.0, "direction": "above", "method": "m", "points": 20, "measured_by": "x"}
    for number, table in ((0, "t"), (1, "t"), (2, "other")):
        say(log, "anomaly", odd | {"observed": float(number)}, number, table=table)
    found = anomalies_of(log, "src", NAME, tenant="default", as_of=None)
    assert [one.anomaly.observed for one in found] == [1.0, 0.0]
    assert len(anomalies_of(log, "src", NAME, tenant="default", as_of=START)) == 1
