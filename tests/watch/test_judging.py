"""What facts mean by rules, on plain values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.watch.conftest import ORDERS, check, diff, fact, load

from factbook.watch.defaults import DEFAULTS
from factbook.watch.judging import Standing, judge, standing, stream_of
from factbook.watch.reading import read
from factbook.watch.rules import Rule
from factbook_sdk.facts import MetadataRecord, MetadataTarget

BY_NAME = {rule.name: rule for rule in DEFAULTS}


def rule_of(text: str) -> Rule:
    return read(f"defaults: false\nrules:\n  - {{name: mine, {text}}}", tenant="default").rules[0]


def state(rule: Rule, now: MetadataRecord, earlier: list[MetadataRecord] | None = None) -> str | None:
    finding = judge(rule, "fact", now, earlier or [])
    return finding and finding.alert.state


@pytest.mark.parametrize(
    ("outcome", "earlier", "expected"),
    [
        ("failed", [], None),
        ("failed", ["failed"], None),
        ("failed", ["failed", "failed"], "firing"),
        ("timed_out", ["error", "failed", "passed"], "firing"),
        ("failed", ["passed", "failed", "failed"], None),
        ("failed", ["failed", "warned", "failed"], None),
        ("failed", ["failed", "skipped", "failed"], "firing"),
        ("skipped", ["failed", "failed", "failed"], None),
        ("passed", ["failed", "failed", "failed"], "resolved"),
        ("warned", [], "resolved"),
    ],
)
def test_a_check_is_judged_by_itself_and_what_came_before(outcome: str, earlier: list[str], expected: str | None) -> None:
    before = [check(text, -number) for number, text in enumerate(earlier, 1)]
    assert state(BY_NAME["recon_result.repeated"], check(outcome), before) == expected


def test_a_breaking_change_is_news_and_a_harmless_one_is_not() -> None:
    rule = BY_NAME["catalog_diff.breaking"]
    finding = judge(rule, "fact", diff(2))
    assert finding is not None
    assert (finding.alert.rule, finding.alert.causes, finding.is_news) == ("catalog_diff.breaking", ["fact"], True)
    assert finding.alert.title == "shop.sales.orders: breaking changes of structure: 2"
    assert finding.alert.message == "breaking: removed sales.orders columns.c0\nbreaking: removed sales.orders columns.c1"
    assert judge(rule, "fact", diff(0)) is None


def test_a_risky_change_warns_unless_there_is_a_breaking_one() -> None:
    rule = BY_NAME["catalog_diff.risky"]
    finding = judge(rule, "fact", diff(risky=2))
    assert finding is not None
    assert (finding.alert.severity, finding.alert.state) == ("warning", "firing")
    assert judge(rule, "fact", diff(1, risky=2)) is None


@pytest.mark.parametrize(("outcome", "expected"), [("failed", "firing"), ("passed", "resolved"), ("warned", None), ("error", None)])
def test_a_rule_of_quality_fires_as_it_fails_and_resolves_as_it_passes(outcome: str, expected: str | None) -> None:
    rule = BY_NAME["quality_result.failed"]
    now = fact("quality_result", {"rule": "price.not_null", "outcome": outcome, "dimension": "completeness"})
    finding = judge(rule, "fact", now)
    assert (finding and finding.alert.state) == expected
    assert stream_of(rule, now) == "watch.quality_result.failed.price.not_null"


def scan(**changes: Any) -> MetadataRecord:
    counts = {"tables": 3, "added": 0, "changed": 0, "unchanged": 3, "removed": 0, "failed": changes.pop("failed", 0)}
    payload = {"engine": "sqlite", "engine_version": "3", "scope": {}, "schemas": {}, "schemas_complete": True, "counts": counts}
    return fact("catalog_scan", {**payload, "duration_seconds": 1.0, **changes}, target=MetadataTarget("shop"))


def job(outcome: str, seconds: float = 0) -> MetadataRecord:
    payload = {"job_id": f"scan-{seconds}", "job_type": "scan", "state": outcome, "error": {"code": "x", "message": "the source is away"}}
    return fact("job_run", payload, seconds, target=MetadataTarget("shop"))


@pytest.mark.parametrize(
    ("name", "bad", "good", "title"),
    [
        ("catalog_scan.removals_held", scan(removals_held=4), scan(), "shop: 4 removals wait for consent"),
        ("catalog_scan.failures", scan(failed=2), scan(), "shop: 2 tables could not be read"),
        (
            "sla_adherence.missed",
            fact("sla_adherence", {"name": "daily", "objective": "freshness", "outcome": "missed"}),
            fact("sla_adherence", {"name": "daily", "objective": "freshness", "outcome": "met"}),
            "shop.sales.orders: daily was missed",
        ),
    ],
)
def test_the_other_rules_fire_and_resolve(name: str, bad: MetadataRecord, good: MetadataRecord, title: str) -> None:
    firing, resolved = judge(BY_NAME[name], "fact", bad), judge(BY_NAME[name], "fact", good)
    assert firing is not None
    assert resolved is not None
    assert (firing.alert.state, firing.alert.title, resolved.alert.state) == ("firing", title, "resolved")
    assert firing.producer_id == resolved.producer_id


def test_a_job_that_fails_again_and_again_says_what_it_failed_of() -> None:
    rule, before = BY_NAME["job_run.repeated"], [job("running", -1), job("failed", -2), job("queued", -3), job("failed", -4)]
    finding = judge(rule, "fact", job("failed"), before)
    assert finding is not None
    assert (finding.alert.title, finding.alert.message) == ("shop: scan failed 3 times in a row", "the source is away")
    assert state(rule, job("failed"), [job("succeeded", -1), *before]) is None


@pytest.mark.parametrize(
    ("bad", "good", "expected"),
    [(0, 100, "resolved"), (1, 99, "resolved"), (2, 98, "firing"), (10, 0, "resolved"), (20, 0, "firing")],
)
def test_a_share_of_failures_within_a_window_fires_over_its_threshold(bad: int, good: int, expected: str) -> None:
    rule = rule_of("kind: ingestion_runtime, when: [payload.outcome = failed], window: {length: 5m, above: 0.01, at_least: 20}")
    facts = [load("failed", -number) for number in range(bad)] + [load("succeeded", -number) for number in range(good)]
    assert state(rule, facts[0], facts[1:]) == expected


def test_what_is_older_than_the_window_does_not_count() -> None:
    rule = rule_of("kind: ingestion_runtime, when: [payload.outcome = failed], window: {length: 5m, measure: count, above: 1}")
    assert state(rule, load("failed"), [load("failed", -299)]) == "firing"
    assert state(rule, load("failed"), [load("failed", -300)]) == "resolved"


def test_a_mean_over_a_window_fires_over_its_threshold() -> None:
    rule = rule_of(
        "kind: ingestion_runtime, window: {length: 1m, measure: mean, path: payload.duration_seconds, above: 2}, title: '{value} s'"
    )
    finding = judge(rule, "fact", load("succeeded", duration=3), [load("succeeded", -1, duration=2)])
    assert finding is not None
    assert (finding.alert.state, finding.alert.title, finding.alert.details) == ("firing", "2.5 s", {"count": "2", "value": "2.5"})
    assert state(rule, load("succeeded", duration=3), [load("succeeded", -1, duration=1)]) == "resolved"


def test_for_waits_until_it_has_lasted() -> None:
    rule = rule_of("kind: recon_result, when: [payload.outcome = failed], for: 10m")
    assert state(rule, check("failed"), [check("failed", -599)]) is None
    assert state(rule, check("failed"), [check("failed", -600)]) == "firing"
    assert state(rule, check("failed"), [check("passed", -300), check("failed", -600)]) is None


def test_resolve_when_says_when_it_is_over_and_nothing_else_does() -> None:
    rule = rule_of("kind: recon_result, when: [payload.outcome = failed], resolve_when: [payload.outcome = passed]")
    assert standing(rule, check("warned")) is Standing.SILENT
    assert state(rule, check("passed")) == "resolved"


def test_what_never_resolves_says_nothing_when_all_is_well() -> None:
    rule = rule_of("kind: recon_result, when: [payload.outcome = failed], resolve: never")
    assert state(rule, check("passed")) is None
    assert state(rule, check("failed")) == "firing"


@pytest.mark.parametrize(("level", "expected"), [("info", "resolved"), ("warning", "firing"), ("critical", "firing"), ("odd", "resolved")])
def test_at_least_compares_severities(level: str, expected: str) -> None:
    rule = rule_of("kind: ingestion_runtime, at_least: {extras.level: warning}")
    assert state(rule, load("failed", extras={"level": level})) == expected


@pytest.mark.parametrize(
    ("pattern", "covers"),
    [("table: orders", True), ("table: 'ord*'", True), ("table: [items, orders]", True), ("table: items", False), ("source: SHOP", False)],
)
def test_patterns_pick_targets(pattern: str, covers: bool) -> None:
    rule = rule_of(f"kind: recon_result, when: [payload.outcome = failed], {pattern}")
    assert rule.covers(check("failed")) is covers


def test_a_rule_by_source_speaks_of_the_source() -> None:
    rule = rule_of("kind: ingestion_runtime, when: [payload.outcome = failed], by: source, window: {length: 5m, measure: count, above: 0}")
    finding = judge(rule, "fact", load("failed"))
    assert finding is not None
    assert (finding.target, finding.alert.title) == (MetadataTarget("shop"), "shop: mine")


def test_streams_of_long_names_do_not_collide() -> None:
    rule = BY_NAME["recon_result.repeated"]
    one, other = stream_of(rule, check("failed", name="x" * 600)), stream_of(rule, check("failed", name="x" * 601))
    assert one != other
    assert len(one) == len(other) == 512


def test_a_title_takes_what_the_fact_says_and_a_dash_for_what_it_does_not() -> None:
    rule = rule_of(
        "kind: recon_result, when: [payload.outcome = failed], title: '{table} {{x}} {payload.outcome} {payload.filter} {payload.drills}'"
    )
    now = msgspec.structs.replace(check("failed"), payload={"check": "c", "outcome": "failed", "drills": [{"a": 1}]})
    finding = judge(rule, "fact", now)
    assert finding is not None
    assert finding.alert.title == 'orders {x} failed - [{"a":1}]'


def test_a_path_of_a_title_leads_to_facts_and_to_no_attribute() -> None:
    rule = rule_of("kind: recon_result, when: [payload.outcome = failed], title: '{target.__class__} {context.__init__} {payload.get}'")
    finding = judge(rule, "fact", check("failed"))
    assert finding is not None
    assert finding.alert.title == "- - -"


def test_what_a_fact_says_is_no_template() -> None:
    rule = rule_of("kind: recon_result, when: [payload.outcome = failed], title: '{payload.check}'")
    finding = judge(rule, "fact", check("failed", name="{target.__class__} {0}"))
    assert finding is not None
    assert finding.alert.title == "{target.__class__} {0}"
    assert ORDERS.table not in finding.alert.title
