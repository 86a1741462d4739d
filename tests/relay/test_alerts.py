"""Alerts from facts: the rule on plain values, and the handler on a store."""

from __future__ import annotations

from typing import Any

import pytest
from tests.relay.conftest import make_relay

from factbook.events.inprocess import InProcessBus
from factbook.relay.alerts import Alerts, judge
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.testing.records import at

ORDERS = MetadataTarget("shop", "sales", "orders")


def check(
    outcome: str, seconds: float = 0, *, name: str = "row_count", target: MetadataTarget = ORDERS, tenant: str = "default"
) -> MetadataRecord:
    payload: dict[str, Any] = {"check": name, "outcome": outcome}
    if outcome == "error":
        payload["error"] = {"code": "no_such_table", "message": "no such table"}
    return MetadataRecord(target, "recon_result", payload, at(seconds), "recon.v1", MetadataContext(tenant=tenant))


def diff(breaking: int, seconds: float = 0) -> MetadataRecord:
    moment = {"moment": "2026-01-01T00:00:00Z"}
    counts = {"breaking": breaking, "compatible": 3} if breaking else {"compatible": 3}
    payload = {"before": moment, "after": moment, "counts": counts}
    return MetadataRecord(ORDERS, "catalog_diff", payload, at(seconds), "diff.v1")


@pytest.mark.parametrize(
    ("outcome", "earlier", "state"),
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
def test_a_check_is_judged_by_itself_and_what_came_before(outcome: str, earlier: list[str], state: str | None) -> None:
    finding = judge("fact", check(outcome), [{"outcome": before} for before in earlier], repeated=3)
    assert (finding and finding.alert.state) == state


def test_a_breaking_change_is_news_and_a_harmless_one_is_not() -> None:
    finding = judge("fact", diff(2), [], repeated=3)
    assert finding is not None
    assert (finding.alert.rule, finding.alert.causes) == ("catalog_diff.breaking", ["fact"])
    assert finding.alert.title == "shop.sales.orders: 2 breaking changes of structure"
    assert judge("fact", diff(0), [], repeated=3) is None


def run(repository: SqlRepository, bus: InProcessBus, facts: list[MetadataRecord]) -> list[tuple[str, str, float]]:
    """Store facts one after the other, let the relay bring each to the alerts; return (state, check, seconds) of every alert."""
    subscription = bus.subscribe("alerts", Alerts(repository))
    relay = make_relay(repository, bus)
    for fact in facts:
        repository.store(fact)
        relay.run_to_the_end()
    subscription.close()
    return alerts(repository)


def alerts(repository: SqlRepository, tenant: str = "default") -> list[tuple[str, str, float]]:
    found = [item.record for item in repository.query("alert", tenant=tenant).records]
    return [
        (payload["state"], payload.get("labels", {}).get("check", ""), (fact.produced_at - at(0)).total_seconds())
        for fact in found
        if (payload := fact.payload) is not None
    ]


def test_repeated_failures_fire_once_and_a_pass_resolves(repository: SqlRepository, bus: InProcessBus) -> None:
    outcomes = ["failed", "failed", "failed", "failed", "error", "passed", "passed", "failed", "timed_out", "failed"]
    facts = [check(outcome, seconds) for seconds, outcome in enumerate(outcomes)]
    expected = [("firing", "row_count", 2.0), ("resolved", "row_count", 5.0), ("firing", "row_count", 9.0)]
    assert run(repository, bus, facts) == expected
    # The same events again say the same, in whatever state the alert is by now.
    end = repository.last_offset()
    bus.subscribe("alerts", Alerts(repository))
    make_relay(repository, bus, name="again").run_to_the_end()
    assert (alerts(repository), repository.last_offset()) == (expected, end)


def test_checks_targets_and_tenants_are_counted_apart(repository: SqlRepository, bus: InProcessBus) -> None:
    other = MetadataTarget("shop", "sales", "items")
    facts = [check("failed", 0), check("failed", 1), check("failed", 2, name="sum"), check("failed", 3, target=other)]
    facts += [check("failed", 4 + number, tenant="acme") for number in range(3)]
    assert run(repository, bus, facts) == []
    assert alerts(repository, "acme") == [("firing", "row_count", 6.0)]


def test_a_check_that_passes_does_not_resolve_anothers_alert(repository: SqlRepository, bus: InProcessBus) -> None:
    facts = [check("failed", number) for number in range(3)] + [check("passed", 3, name="sum")]
    assert run(repository, bus, facts) == [("firing", "row_count", 2.0)]


def test_each_breaking_change_is_told(repository: SqlRepository, bus: InProcessBus) -> None:
    assert run(repository, bus, [diff(1, 0), diff(0, 1), diff(2, 2)]) == [("firing", "", 0.0), ("firing", "", 2.0)]
