"""Facts become alerts, and alerts reach a web server, on a real store."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.watch.conftest import NOW, ORDERS, alerts, at, check, diff, load, open_store, rules, watcher
from tests.watch.places import Hook

from factbook.errors import ConfigurationError, NotFound, StoreBusy
from factbook.events.testing import eventually
from factbook.relay import Subscriptions
from factbook.repository.sql import SqlRepository
from factbook.watch import Vital
from factbook.watch.delivery import Delivery, Place
from factbook.watch.raising import Raising
from factbook.watch.reading import read
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import StoredRecord

BOOK = read("", tenant="default")


def judge_one_by_one(repository: SqlRepository, facts: Sequence[MetadataRecord], text: str = "") -> list[tuple[str, str, float]]:
    """Store facts one after the other, judge each as it is there; return the alerts."""
    raising = Raising(repository, read(text, tenant="default"))
    place = repository.last_offset()
    for fact in facts:
        repository.store(fact)
        batch, place = repository.everything(place, 100)
        raising(batch)
    return alerts(repository)


def test_repeated_failures_fire_once_and_a_pass_resolves(repository: SqlRepository) -> None:
    outcomes = ["failed", "failed", "failed", "failed", "error", "passed", "passed", "failed", "timed_out", "failed"]
    facts = [check(outcome, seconds) for seconds, outcome in enumerate(outcomes)]
    name = "recon_result.repeated"
    expected = [(name, "firing", 2.0), (name, "resolved", 5.0), (name, "firing", 9.0)]
    assert judge_one_by_one(repository, facts) == expected
    # The same facts again say the same, in whatever state the alert is by now.
    end = repository.last_offset()
    Raising(repository, BOOK)(repository.everything(0, 100)[0])
    assert (alerts(repository), repository.last_offset()) == (expected, end)


def test_checks_targets_and_tenants_are_counted_apart(repository: SqlRepository) -> None:
    other = MetadataTarget("shop", "sales", "items")
    facts = [check("failed", 0), check("failed", 1), check("failed", 2, name="sum"), check("failed", 3, target=other)]
    facts += [check("failed", 4 + number, tenant="acme") for number in range(3)]
    assert judge_one_by_one(repository, facts) == []
    assert alerts(repository, "acme") == [("recon_result.repeated", "firing", 6.0)]


def test_a_check_that_passes_does_not_resolve_anothers_alert(repository: SqlRepository) -> None:
    facts = [check("failed", number) for number in range(3)] + [check("passed", 3, name="sum")]
    assert judge_one_by_one(repository, facts) == [("recon_result.repeated", "firing", 2.0)]


def test_each_breaking_change_is_told_once_however_often_it_comes(repository: SqlRepository) -> None:
    name = "catalog_diff.breaking"
    facts = [diff(1, 0), diff(0, 1), diff(2, 2), diff(1, 0), diff(2, 2)]
    assert judge_one_by_one(repository, facts) == [(name, "firing", 0.0), (name, "firing", 2.0)]
    raising = Raising(repository, BOOK)
    for _ in range(2):
        raising([item for item in repository.everything(0, 100)[0] if item.record.kind == "catalog_diff"])
    assert (raising.stored, len(alerts(repository))) == (0, 2)


def test_an_acknowledged_alert_is_told_no_more_until_it_is_over(repository: SqlRepository) -> None:
    from factbook.watch import Alerts

    judge_one_by_one(repository, [check("failed", number) for number in range(3)])
    room = Alerts(repository, tenant="default")
    (found,) = room.page().items
    room.acknowledge(found.alert_id, by="ada")
    later = [check("failed", 7200), check("passed", 7201), check("passed", 7202)]
    judged = [(state, seconds) for _, state, seconds in judge_one_by_one(repository, later)]
    assert [state for state, _ in judged] == ["firing", "acknowledged", "resolved"]
    assert judged[-1][1] == 7201.0


def test_a_window_is_judged_over_what_the_store_has(repository: SqlRepository) -> None:
    text = (
        "rules:\n  - {name: errors, kind: ingestion_runtime, by: source, when: [payload.outcome = failed], "
        "window: {length: 5m, above: 0.5, at_least: 4}}"
    )
    tables = [MetadataTarget("shop", "sales", f"t{number}") for number in range(6)]
    facts = [load("failed" if number > 1 else "succeeded", number, target=target) for number, target in enumerate(tables)]
    facts += [load("succeeded", 6 + number, target=ORDERS) for number in range(4)]
    found = [(state, seconds) for rule, state, seconds in judge_one_by_one(repository, facts, text) if rule == "errors"]
    assert found == [("firing", 4.0), ("resolved", 7.0)]


def test_a_rule_that_cannot_store_its_alert_holds_up_nobody(repository: SqlRepository) -> None:
    text = "rules:\n  - {name: big, kind: catalog_diff, when: [payload.counts.breaking > 0], per: [payload.changes]}"
    facts = [diff(30, 0), diff(1, 1)]
    assert [rule for rule, *_ in judge_one_by_one(repository, facts, text) if rule != "big"] == ["catalog_diff.breaking"] * 2


def test_alerts_of_a_run_reach_a_person_as_one_message(repository: SqlRepository, hook: Hook) -> None:
    watching = watcher(repository, rules(hook.url))
    repository.bulk_store([diff(1, number / 10, target=MetadataTarget("shop", "sales", f"t{number}")) for number in range(400)])
    report = watching.run_once()
    assert (report.raised, report.channels[0].alerts, report.channels[0].messages) == (400, 400, 1)
    (body,) = hook.bodies
    assert len({alert["id"] for alert in body["data"]["alerts"]}) == 400
    assert watcher(repository, rules(hook.url)).run_once().channels[0].messages == 0


def test_a_new_channel_is_told_what_is_raised_from_then_on(repository: SqlRepository, hook: Hook) -> None:
    repository.store(diff(1, 0))
    watcher(repository, "channels: []").run_once()
    repository.store(diff(1, 1))
    watcher(repository, rules(hook.url)).run_once()
    assert [alert["since"] for alert in hook.alerts] == [at(1).isoformat().replace("+00:00", "Z")]


def test_alerts_about_what_is_long_over_are_kept_and_not_sent(repository: SqlRepository, hook: Hook) -> None:
    repository.bulk_store([diff(1, -8 * 86_400), diff(1, 0)])
    watcher(repository, rules(hook.url)).run_once()
    assert len(alerts(repository)) == 2
    assert len(hook.alerts) == 1


def test_a_channel_is_told_what_is_of_its_severity_rule_and_state(repository: SqlRepository, hook: Hook) -> None:
    text = "rules:\n  - {name: mine, kind: ingestion_runtime, when: [payload.outcome = failed], channels: []}"
    repository.bulk_store([diff(1, 0), diff(risky=1, seconds=1), load("failed", 2)])
    watcher(repository, rules(hook.url, text, severity="error", states="[firing]")).run_once()
    assert len(alerts(repository)) == 3
    assert [alert["rule"] for alert in hook.alerts] == ["catalog_diff.breaking"]


def test_alerts_of_one_tenant_do_not_reach_anothers_channel(repository: SqlRepository, hook: Hook) -> None:
    own = "rules:\n  - {name: mine, kind: ingestion_runtime, when: [payload.outcome = failed]}"
    facts = [fact for tenant in ("default", "acme") for fact in (diff(1, 0, tenant=tenant), load("failed", 1, tenant=tenant))]
    repository.bulk_store(facts)
    watcher(repository, rules(hook.url, own)).run_once()
    assert {body["data"]["tenant"] for body in hook.bodies} == {"default"}
    assert len(hook.alerts) == 2
    # A rule of the file is the server's own tenant's; those that come with Factbook are everybody's.
    assert [rule for rule, *_ in alerts(repository, "acme")] == ["catalog_diff.breaking"]
    repository.bulk_store([diff(1, 5, tenant="acme")])
    watcher(repository, rules(hook.url, own).replace("name: ops", "name: theirs\n    tenant: acme")).run_once()
    assert hook.bodies[-1]["data"]["tenant"] == "acme"


def test_a_webhook_that_was_down_gets_its_alerts_afterwards(repository: SqlRepository, hook: Hook) -> None:
    hook.answer = lambda number, body: (503, {})
    text = rules(hook.url)
    repository.store(diff(1, 0))
    report = watcher(repository, text).run_once()
    assert report.channels[0].failure == "ops: The webhook could not take it: it answered 503"
    assert Subscriptions(repository, lease_seconds=1).status("watch:ops").last_error == report.channels[0].failure
    assert [(rule, state) for rule, state, _ in alerts(repository)][-1] == ("watch.delivery", "firing")
    hook.answer = lambda number, body: (200, {})
    repository.store(diff(2, 1))
    assert watcher(repository, text).run_once().channels[0].alerts == 2
    assert [alert["rule"] for alert in hook.alerts] == ["catalog_diff.breaking"] * 2
    assert [(rule, state) for rule, state, _ in alerts(repository)][-1] == ("watch.delivery", "resolved")
    assert Subscriptions(repository, lease_seconds=1).status("watch:ops").last_error is None


def test_a_thread_goes_on_through_failures_and_waits_as_long_as_it_is_asked(repository: SqlRepository, hook: Hook) -> None:
    times: list[float] = []

    def answer(number: int, body: bytes) -> tuple[int, dict[str, str]]:
        times.append(time.monotonic())
        return [(500, {}), (429, {"Retry-After": "1"}), (200, {})][min(number, 3) - 1]

    hook.answer = answer
    watching = watcher(repository, rules(hook.url))
    watching.start()
    try:
        repository.store(diff(1, 0))
        eventually(lambda: len(hook.taken) == 1)
    finally:
        watching.stop()
    assert times[2] - times[1] >= 1.0
    counters = watching.counters()["ops"]
    assert (counters.messages, counters.failures, counters.delivered) == (1, 2, 1)


def refusing(word: bytes) -> Any:
    return lambda number, body: (400, {}) if word in body else (200, {})


def test_an_alert_that_is_refused_does_not_hold_up_the_others(repository: SqlRepository, hook: Hook) -> None:
    hook.answer = refusing(b"poison")
    names = ["a", "b", "poison", "c", "d", "e", "f"]
    repository.bulk_store([diff(1, number, target=MetadataTarget("shop", "sales", name)) for number, name in enumerate(names)])
    report = watcher(repository, rules(hook.url)).run_once()
    assert (report.channels[0].alerts, report.channels[0].set_aside, report.channels[0].failure) == (6, 1, None)
    assert [alert["target"]["table"] for alert in hook.alerts] == ["a", "b", "c", "d", "e", "f"]
    said = repository.latest(MetadataTarget("factbook"), "alert", producer_id="watch.set_aside.ops")
    assert said is not None
    assert said.record.payload is not None
    poison = repository.query("alert", targets=[MetadataTarget("shop", "sales", "poison")]).records[0]
    assert said.record.payload["causes"] == [poison.id]
    assert said.record.payload["message"].endswith(f"factbook watch replay ops --from {poison.offset}")


def delivery(repository: SqlRepository, text: str, clock: list[datetime], channel: Any) -> Delivery:
    """Return the delivery of the first channel, whose messages go to ``channel`` and whose time is ``clock[0]``."""
    from factbook.watch.channels.opening import Veil

    book = read(text, tenant="default")
    place = Place(book.channels[0], channel, Veil([]))
    return Delivery(repository, place, book, owner="one", source="urn:x", now=lambda: clock[0])


def try_for_a_while(part: Delivery, times: int) -> None:
    from factbook.errors import FactbookError

    for _ in range(times):
        try:
            part.run_while_ours()
        except FactbookError:
            continue


def test_what_nobody_takes_is_set_aside_after_its_time_and_over_restarts(repository: SqlRepository, hook: Hook) -> None:
    from factbook.watch.channels.webhook import WebhookChannel

    hook.answer = refusing(b"")
    clock = [datetime.now(UTC)]
    text = rules(hook.url, give_up_after="1h")
    delivery(repository, text, clock, WebhookChannel(hook.url, {})).enter()
    judge_one_by_one(repository, [diff(1, 0)])
    try_for_a_while(delivery(repository, text, clock, WebhookChannel(hook.url, {})), 5)
    clock[0] += timedelta(minutes=59)
    try_for_a_while(delivery(repository, text, clock, WebhookChannel(hook.url, {})), 5)
    assert "watch.set_aside" not in {rule for rule, *_ in alerts(repository)}
    clock[0] += timedelta(minutes=2)
    part = delivery(repository, text, clock, WebhookChannel(hook.url, {}))
    try_for_a_while(part, 3)
    assert part.counters.set_aside == 1
    assert "watch.set_aside" in {rule for rule, *_ in alerts(repository)}
    hook.answer = lambda number, body: (200, {})
    try_for_a_while(part, 1)
    assert hook.alerts == []
    Subscriptions(repository, lease_seconds=1).replay("watch:ops", after_offset=0)
    try_for_a_while(part, 1)
    assert [alert["rule"] for alert in hook.alerts] == ["catalog_diff.breaking"]


def test_two_channels_that_are_down_do_not_talk_about_each_other_for_ever(repository: SqlRepository, hook: Hook) -> None:
    hook.answer = refusing(b"")
    text = "group_wait: 0s\nchannels:\n" + "".join(
        f"  - {{name: {name}, type: webhook, url: '{hook.url}', give_up_after: 0s}}\n" for name in ("one", "two")
    )
    repository.store(diff(1, 0))
    watching = watcher(repository, text)
    watching.start()
    try:
        # The change, the other's trouble, and what the other set aside.
        eventually(lambda: all(counted.set_aside >= 3 for counted in watching.counters().values()))
        end, set_aside = repository.last_offset(), [counted.set_aside for counted in watching.counters().values()]
        time.sleep(0.5)
        assert (repository.last_offset(), [counted.set_aside for counted in watching.counters().values()]) == (end, set_aside)
    finally:
        watching.stop()


def test_a_channel_of_others_that_breaks_is_not_quoted(repository: SqlRepository) -> None:
    class Careless:
        def send(self, digest: Any) -> None:
            raise RuntimeError("my token is s3cret")

    part = delivery(repository, rules("http://x"), [datetime.now(UTC)], Careless())
    part.enter()
    judge_one_by_one(repository, [diff(1, 0)])
    with pytest.raises(Exception, match="The channel ops failed: RuntimeError") as caught:
        part.run_while_ours()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(repository.everything(0, 100))


def test_followers_see_every_record_in_order_and_what_they_store_is_seen_in_turn(repository: SqlRepository, hook: Hook) -> None:
    seen: list[int] = []

    def diffs(batch: Sequence[StoredRecord]) -> None:
        """Answer each load with a diff, as a feature that follows the log would."""
        seen.extend(item.offset for item in batch)
        for item in batch:
            if item.record.kind == "ingestion_runtime":
                repository.store(diff(1, (item.record.produced_at - NOW).total_seconds()))

    repository.bulk_store([load("succeeded", number) for number in range(3)])
    report = watcher(repository, rules(hook.url), followers=[diffs]).run_once()
    assert seen == list(range(1, repository.last_offset() + 1))
    assert (report.raised, len(hook.alerts)) == (3, 3)


def test_a_follower_that_fails_at_a_record_is_said_so_and_the_rest_goes_on(repository: SqlRepository, hook: Hook) -> None:
    taken: list[int] = []

    def picky(batch: Sequence[StoredRecord]) -> None:
        if any(item.offset == 2 for item in batch):
            raise ValueError("no such column")
        taken.extend(item.offset for item in batch)

    repository.bulk_store([load("succeeded", number) for number in range(4)])
    watcher(repository, rules(hook.url), followers=[picky]).run_once()
    assert taken[:3] == [1, 3, 4]
    (told,) = [alert for alert in hook.alerts if alert["rule"] == "watch.follower"]
    assert (told["message"], "picky failed at a fact of shop.sales.orders" in told["title"]) == ("no such column", True)


def test_a_follower_that_asks_for_time_gets_the_batch_again(repository: SqlRepository) -> None:
    calls: list[int] = []

    def busy(batch: Sequence[StoredRecord]) -> None:
        calls.append(len(batch))
        if len(calls) == 1:
            raise StoreBusy("The store is busy")

    repository.bulk_store([diff(1, number) for number in range(3)])
    watching = watcher(repository, "channels: []", followers=[busy])
    watching.start()
    try:
        eventually(lambda: len(alerts(repository)) == 3)
    finally:
        watching.stop()
    assert calls[:2] == [3, 3]


def test_numbers_of_the_house_fire_and_resolve_once(repository: SqlRepository, hook: Hook) -> None:
    state = [False]

    def vitals() -> list[Vital]:
        return [Vital(name="factbook.disk", label="box", is_well=state[0], title="room" if state[0] else "full")]

    for is_well in (False, False, True, True):
        state[0] = is_well
        watcher(repository, rules(hook.url), vitals=vitals).run_once()
    assert [(alert["title"], alert["state"]) for alert in hook.alerts] == [("full", "firing"), ("room", "resolved")]


def test_two_watchers_at_once_lose_nothing_and_double_nothing(store_url: str, repository: SqlRepository, hook: Hook) -> None:
    other = open_store(store_url)
    watchers = [watcher(repository, rules(hook.url), owner="one"), watcher(other, rules(hook.url), owner="two")]
    for watching in watchers:
        watching.start()
    try:
        for part in range(10):
            repository.bulk_store([diff(1, part + number / 100) for number in range(20)])
            time.sleep(0.03)
        eventually(lambda: len(hook.alerts) >= 200)
        time.sleep(0.3)
    finally:
        for watching in watchers:
            watching.stop()
        other.close()
    ids = [alert["id"] for alert in hook.alerts]
    assert (len(ids), len(set(ids)), len(alerts(repository))) == (200, 200, 200)


def test_a_watcher_that_stops_gives_its_leases_back(repository: SqlRepository, hook: Hook) -> None:
    watching = watcher(repository, rules(hook.url))
    watching.start()
    subscriptions = Subscriptions(repository, lease_seconds=30)
    eventually(lambda: all(item.served_by for item in subscriptions.all()) and len(subscriptions.all()) == 2)
    watching.stop()
    assert {item.name: item.served_by for item in subscriptions.all()} == {"watch": None, "watch:ops": None}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch")]


def test_a_test_message_goes_to_the_channel_that_is_named(repository: SqlRepository, hook: Hook) -> None:
    watching = watcher(repository, rules(hook.url))
    watching.try_out("ops")
    assert [alert["title"] for alert in hook.alerts] == ["A test of the channel ops"]
    with pytest.raises(NotFound, match="There is no channel 'nobody': there are ops"):
        watching.try_out("nobody")


def test_a_channel_that_cannot_be_used_is_found_before_anything_begins(repository: SqlRepository) -> None:
    with pytest.raises(ConfigurationError, match="The environment variable NO_SUCH_HOOK is not set"):
        watcher(repository, rules("${NO_SUCH_HOOK}"))
    assert Subscriptions(repository, lease_seconds=1).all() == []


def test_notices_are_made_of_any_alert_whoever_stored_it(repository: SqlRepository, hook: Hook) -> None:
    from tests.watch.conftest import fact

    watching = watcher(repository, rules(hook.url))
    watching.run_once()
    repository.store(fact("alert", {"rule": "theirs", "state": "firing", "severity": "info", "title": "from elsewhere"}))
    watching.run_once()
    assert [(alert["rule"], alert["title"]) for alert in hook.alerts] == [("theirs", "from elsewhere")]


def test_what_lasts_is_judged_however_many_facts_lie_between(repository: SqlRepository) -> None:
    text = "rules:\n  - {name: lasts, kind: ingestion_runtime, when: [payload.outcome = failed], for: 10m}"
    repository.bulk_store([load("failed", number) for number in range(602)])
    raising = Raising(repository, read(text, tenant="default"))
    raising([item for item in repository.everything(0, 1000)[0] if item.offset > 595])
    assert [(rule, seconds) for rule, _, seconds in alerts(repository)] == [("lasts", 600.0)]
