"""The alerts as they are now: read page by page, acknowledged, over the API and the command line."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem, make_client, source_url
from tests.api.test_metrics import numbers
from tests.cli.conftest import Cli, cli, data_dir
from tests.watch.conftest import NOW, check, diff, fact, open_store, rules
from tests.watch.places import Hook

from factbook.errors import InvalidRequest, NotFound
from factbook.events.testing import eventually
from factbook.repository.dropping import Drop, all_channels, drop_due
from factbook.repository.rows import microseconds
from factbook.repository.sql import SqlRepository
from factbook.watch import Alerts
from factbook.watch.alerts import open_by_severity
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.codec import canonical_json

__all__ = ["cli", "data_dir", "make_client", "source_url"]


def alert(number: int, state: str = "firing", severity: str = "error", seconds: float = 0, **more: Any) -> Any:
    payload = {"rule": "mine", "state": state, "severity": severity, "title": f"number {number}"}
    if state == "acknowledged":
        payload["acknowledged_by"] = "ada"
    return fact("alert", payload, seconds, target=MetadataTarget(f"s{number % 2}", "sales", f"t{number}"), **more)


@pytest.fixture
def room(repository: SqlRepository) -> Alerts:
    return filled(repository)


def filled(repository: SqlRepository) -> Alerts:
    repository.bulk_store([alert(number, seconds=number) for number in range(5)])
    repository.bulk_store([alert(5, "resolved"), alert(6, "acknowledged", "warning", 6), alert(7, severity="info", seconds=7)])
    repository.bulk_store([alert(8, tenant="acme")])
    return Alerts(repository, tenant="default")


def titles(page: Any) -> list[int]:
    return [int(item.title.split()[1]) for item in page.items]


def test_alerts_are_listed_newest_first_page_by_page(room: Alerts) -> None:
    first = room.page(limit=4)
    second = room.page(limit=4, cursor=first.next_cursor)
    assert (titles(first), titles(second), second.next_cursor) == ([7, 6, 4, 3], [2, 1, 0], None)


def test_alerts_are_picked_by_state_severity_source_and_rule(room: Alerts) -> None:
    assert titles(room.page(states=["resolved"])) == [5]
    assert titles(room.page(severity="warning")) == [6, 4, 3, 2, 1, 0]
    assert titles(room.page(source_id="s1")) == [7, 3, 1]
    assert titles(room.page(rule="yours")) == []


@pytest.mark.parametrize("wrong", [{"states": ["burning"]}, {"severity": "bad"}, {"cursor": "x"}, {"limit": 0}])
def test_what_cannot_be_asked_is_refused(room: Alerts, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        room.page(**wrong)


def test_the_last_state_counts_by_its_moment_and_not_by_its_coming(repository: SqlRepository, room: Alerts) -> None:
    (found,) = (item for item in room.page().items if item.title == "number 3")
    repository.store(alert(3, "resolved", seconds=-10))
    assert room.get(found.alert_id).state == "firing"
    repository.store(alert(3, "resolved", seconds=10))
    assert room.get(found.alert_id).state == "resolved"


def test_the_view_is_the_same_when_it_is_made_anew(repository: SqlRepository, room: Alerts) -> None:
    before = room.page(states=["firing", "acknowledged", "resolved"])
    repository.rebuild()
    assert room.page(states=["firing", "acknowledged", "resolved"]) == before


def test_an_alert_whose_fact_is_dropped_is_gone_from_the_view(repository: SqlRepository, room: Alerts) -> None:
    with repository.reading() as connection:
        (channel,) = (each for each in all_channels(connection) if each.tenant == "default")
    before = microseconds(NOW + timedelta(seconds=3))
    drop_due(repository, Drop(channel.channel_no, channel.tenant, channel.kind, before, newest=0, keeps_state=False))
    left = room.page(states=["firing", "acknowledged", "resolved"])
    assert titles(left) == [7, 6, 4, 3]
    repository.rebuild()
    assert room.page(states=["firing", "acknowledged", "resolved"]) == left
    assert Alerts(repository, tenant="acme").page().items


def test_on_postgresql_it_is_the_same(postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as repository:
        room = filled(repository)
        first = room.page(limit=4, severity="warning")
        assert (titles(first), titles(room.page(limit=4, severity="warning", cursor=first.next_cursor))) == ([6, 4, 3, 2], [1, 0])
        assert room.acknowledge(first.items[1].alert_id[:10], by="ada").acknowledged_by == "ada"
        assert open_by_severity(repository)["firing", "error"] == 5
        before = room.page(states=["firing", "acknowledged", "resolved"])
        repository.rebuild()
        assert room.page(states=["firing", "acknowledged", "resolved"]) == before


def test_an_alert_is_found_by_the_beginning_of_its_id(room: Alerts) -> None:
    found = room.page().items[0]
    assert room.get(found.alert_id[:10]) == found
    with pytest.raises(NotFound):
        room.get("%")
    with pytest.raises(NotFound):
        Alerts(room._repository, tenant="acme").get(found.alert_id)


def test_acknowledging_says_who_and_holds_until_it_is_over(repository: SqlRepository, room: Alerts) -> None:
    found = room.page().items[0]
    told = room.acknowledge(found.alert_id, by="ada")
    assert (told.state, told.acknowledged_by, told.alert_id) == ("acknowledged", "ada", found.alert_id)
    end = repository.last_offset()
    assert room.acknowledge(found.alert_id, by="bob").acknowledged_by == "ada"
    assert repository.last_offset() == end
    (over,) = room.page(states=["resolved"]).items
    with pytest.raises(InvalidRequest, match="is over"):
        room.acknowledge(over.alert_id, by="ada")


def test_an_alert_from_a_clock_ahead_can_be_acknowledged(repository: SqlRepository, room: Alerts) -> None:
    ahead = (datetime.now(UTC) - NOW + timedelta(hours=2)).total_seconds()
    repository.store(alert(9, seconds=ahead))
    (found,) = (item for item in room.page().items if item.title == "number 9")
    room.acknowledge(found.alert_id, by="ada")
    assert room.get(found.alert_id).state == "acknowledged"


def test_open_alerts_are_counted_over_all_tenants(repository: SqlRepository, room: Alerts) -> None:
    counts = {key: count for key, count in open_by_severity(repository).items() if count}
    assert counts == {("firing", "error"): 6, ("acknowledged", "warning"): 1, ("firing", "info"): 1}


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client()


def stored(client: TestClient, *facts: Any) -> None:
    body = "\n".join(canonical_json(item).decode() for item in facts)
    assert client.post("/records", content=body, headers={"Content-Type": "application/x-ndjson"}).status_code == 200


def test_the_api_lists_shows_and_acknowledges(client: TestClient) -> None:
    stored(client, alert(1), alert(2, severity="info"), alert(3, "resolved"))
    (item,) = client.get("/alerts", params={"severity": "error"}).json()["items"]
    assert client.get(f"/alerts/{item['alert_id']}").json() == item
    said = client.post(f"/alerts/{item['alert_id']}/acknowledge", json={"by": "ada"}).json()
    assert (said["state"], said["acknowledged_by"]) == ("acknowledged", "A request without key or token")
    (other,) = client.get("/alerts", params={"state": "firing"}).json()["items"]
    assert client.post(f"/api/v1/alerts/{other['alert_id']}/acknowledge").json()["state"] == "acknowledged"
    states = client.get("/alerts", params={"state": ["acknowledged", "resolved"], "limit": 2}).json()
    assert (len(states["items"]), states["next_cursor"] is None) == (2, False)
    check_problem(client.get("/alerts/nobody"), 404, "not_found")
    check_problem(client.post("/alerts/nobody/acknowledge"), 404, "not_found")
    check_problem(client.get("/alerts", params={"state": "burning"}), 400)


def test_a_server_with_a_rules_file_watches_and_tells_its_numbers(make_client: MakeClient, hook: Hook, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rules(hook.url))
    client = make_client(watch_rules=str(file))
    eventually(lambda: numbers(client).get("factbook_watch_lag_records part=watch:ops") is not None)
    stored(client, diff(1, 0))
    eventually(lambda: len(hook.alerts) == 1)
    found = numbers(client)
    assert found["factbook_alerts severity=error state=firing"] == 1
    assert found["factbook_alert_deliveries_total channel=ops"] == 1
    assert found["factbook_alert_failures_total channel=ops"] == 0
    assert not [name for name in found if name.startswith("factbook_relay_position")]


@pytest.mark.parametrize(("settings", "watches"), [({}, False), ({"watch": True}, True), ({"watch_rules": "FILE", "watch": False}, False)])
def test_a_server_watches_where_it_is_told_to(make_client: MakeClient, tmp_path: Path, settings: dict[str, Any], watches: bool) -> None:
    (tmp_path / "rules.yaml").write_text("")
    chosen = {name: str(tmp_path / "rules.yaml") if value == "FILE" else value for name, value in settings.items()}
    client = make_client(**chosen)
    stored(client, diff(1, 0))
    if watches:
        eventually(lambda: len(client.get("/alerts").json()["items"]) == 1)
    else:
        assert client.get("/alerts").json()["items"] == []
        assert "factbook_alert_deliveries_total" not in str(numbers(client))


def test_the_command_line_watches_lists_and_acknowledges(cli: Cli, hook: Hook, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rules(hook.url))
    assert cli("watch", "check", str(file), "--json").json["channels"] == [
        {"name": "ops", "type": "webhook", "tenant": "default", "severity": "info"}
    ]
    assert hook.url not in cli("watch", "check", str(file)).all
    assert cli("watch", "test", "ops", "--rules", str(file)).out == "ops took a test message.\n"
    facts = "\n".join(canonical_json(item).decode() for item in [diff(1, 0), *(check("failed", number) for number in range(3))])
    assert cli("records", "store", "-", stdin=facts).code == 0
    answer = cli("watch", "--once", "--rules", str(file))
    assert (answer.code, answer.out) == (0, "6 records seen, 2 alerts raised or resolved.\nops: 2 alerts in 1 message\n")
    assert cli("watch", "--once", "--rules", str(file), "--json").json["seen"] == 0
    listed = cli("alerts", "list", "--json").json["items"]
    assert [item["rule"] for item in listed] == ["recon_result.repeated", "catalog_diff.breaking"]
    assert "row_count failed 3 times in a row" in cli("alerts", "list").out
    assert "breaking: removed sales.orders columns.c0" in cli("alerts", "show", listed[1]["alert_id"]).out
    assert cli("alerts", "ack", listed[0]["alert_id"][:8], "--by", "ada", "--json").json["acknowledged_by"] == "ada"
    assert [item["state"] for item in cli("alerts", "list", "--json").json["items"]] == ["acknowledged", "firing"]
    assert [item["name"] for item in cli("watch", "status", "--json").json] == ["watch", "watch:ops"]
    assert cli("relay", "status", "--json").json == []
    assert "will be told again" in cli("watch", "replay", "ops", "--from", "1").out
    assert cli("watch", "--once", "--rules", str(file), "--json").json["channels"][0]["alerts"] == 2


def test_a_channel_that_takes_nothing_ends_with_a_code_of_its_own(
    cli: Cli, hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factbook.watch.watcher._ONCE_PAUSE_SECONDS", 0.0)
    hook.answer = lambda number, body: (503, {})
    file = tmp_path / "rules.yaml"
    file.write_text(rules(f"{hook.url}/s3cret"))
    assert cli("records", "store", "-", stdin=canonical_json(diff(1, 0)).decode()).code == 0
    answer = cli("watch", "--once", "--rules", str(file))
    assert (answer.code, "the rest waits: ops: The webhook could not take it" in answer.err) == (5, True)
    assert cli("watch", "test", "ops", "--rules", str(file)).code == 4
    assert "s3cret" not in answer.all + json.dumps(cli("watch", "status", "--json").json)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("watch", "check", "no-such.yaml"), 3, "no-such.yaml cannot be read"),
        (("watch", "test", "nobody"), 2, "There is no channel 'nobody'"),
        (("watch", "replay", "nobody", "--from", "1"), 2, "Nothing was ever sent to watch:nobody"),
        (("alerts", "show", "nobody"), 2, "There is no alert 'nobody'"),
        (("alerts", "list", "--state", "burning"), 2, "'burning' is no state of an alert"),
    ],
)
def test_what_cannot_be_done_is_told(cli: Cli, arguments: tuple[str, ...], code: int, told: str) -> None:
    answer = cli(*arguments)
    assert (answer.code, told in answer.err) == (code, True), answer.err


def test_a_store_of_before_gets_the_view_when_it_is_opened(tmp_path: Path) -> None:
    from tests.jobs.conftest import open_store as open_old

    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    old = open_old(url)
    old.store(alert(1))
    old.close()
    opened = open_store(url)
    assert titles(Alerts(opened, tenant="default").page()) == [1]
    opened.close()
