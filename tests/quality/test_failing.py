"""What fails by its last word, over all sources."""

from datetime import UTC, datetime, timedelta

import pytest

from factbook.quality import failing
from factbook.quality.reading import QualityReader
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.repository.memory import MemoryRepository

NOW = datetime.now(UTC)
ORDERS = MetadataTarget("shop", "sales", "orders")


@pytest.fixture
def log():
    return MemoryRepository(Admission(builtin_kinds()))


def say(log, outcome, hours, *, rule="not null", target=ORDERS, tenant="default"):
    said = {"rule": rule, "check": "not_null", "dimension": "completeness", "outcome": outcome}
    said |= {"reason": "not asked for"} if outcome == "skipped" else {}
    context = MetadataContext(tenant=tenant)
    log.store(MetadataRecord(target, "quality_result", said, NOW - timedelta(hours=hours), "quality.v1", context))


def found(log, **options):
    return [(item.source_id, item.table, item.name, item.outcome) for item in QualityReader(log, tenant="default").failing(**options).items]


def test_a_check_fails_until_it_passes_and_what_is_skipped_says_nothing(log):
    say(log, "failed", 5)
    say(log, "failed", 4, rule="unique")
    say(log, "warned", 3, rule="range")
    say(log, "skipped", 2)
    say(log, "passed", 1, rule="unique")
    assert found(log) == [("shop", "orders", "range", "warned"), ("shop", "orders", "not null", "failed")]
    assert found(log, as_of=NOW - timedelta(hours=2, minutes=30)) == [
        ("shop", "orders", "range", "warned"),
        ("shop", "orders", "unique", "failed"),
        ("shop", "orders", "not null", "failed"),
    ]
    say(log, "failed", 0.5, rule="unique")
    assert ("shop", "orders", "unique", "failed") in found(log)


def test_a_rule_of_the_same_name_on_another_table_or_tenant_is_another(log):
    say(log, "failed", 3)
    say(log, "passed", 2, target=MetadataTarget("shop", "sales", "items"))
    say(log, "failed", 2, target=MetadataTarget("theirs", "sales", "items"), tenant="harbour")
    assert found(log) == [("shop", "orders", "not null", "failed")]


def test_promises_and_reconciliations_are_among_them_as_far_as_they_are_asked_for(log):
    say(log, "failed", 3)
    late = {"name": "by six", "objective": "freshness", "outcome": "missed"}
    log.store(MetadataRecord(ORDERS, "sla_adherence", late, NOW - timedelta(hours=2), "quality.v1"))
    log.store(MetadataRecord(ORDERS, "recon_result", {"check": "rows", "outcome": "failed"}, NOW - timedelta(hours=1), "recon.v1"))
    assert [name for _, _, name, _ in found(log)] == ["rows", "by six", "not null"]
    assert [name for _, _, name, _ in found(log, kinds=["sla_adherence"])] == ["by six"]


def test_what_is_older_than_a_week_is_no_news_and_what_is_cut_says_so(log, monkeypatch):
    say(log, "failed", 24 * 8)
    assert found(log) == []
    monkeypatch.setattr(failing, "MAX_BAD", 3)
    for number in range(5):
        say(log, "failed", number, rule=f"rule {number}")
    answer = QualityReader(log, tenant="default").failing()
    assert ([item.name for item in answer.items], answer.is_complete) == (["rule 0", "rule 1", "rule 2"], False)
