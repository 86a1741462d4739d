"""Alerts with their history, and the rules and channels behind them, of which nothing secret is told."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.web.conftest import HOSTILE, opened

from factbook.access import Action, Grant
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

SECRET = "s3cretT0ken"
NOW = datetime.now(UTC)
RULES = """
channels:
  - name: hook
    type: webhook
    url: https://someone:{secret}@hooks.example/{secret}
    severity: warning
    options: {{headers: {{Authorization: "Bearer {secret}"}}}}
  - name: theirs
    type: log
    tenant: harbour
rules:
  - name: volume.small
    kind: ingestion_volume
    when: ["payload.row_count < 10"]
    where: ["payload.row_count != 7"]
    in_a_row: 2
    severity: critical
    channels: [hook]
    title: "<b>{{target}}</b> is small"
  - name: theirs.alone
    kind: ingestion_volume
    when: ["payload.row_count < 10"]
    tenants: [harbour]
""".replace("{secret}", SECRET)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    place = tmp_path_factory.mktemp("alerts")
    file = place / "rules of ours.yaml"
    file.write_text(RULES.replace("{{", "{").replace("}}", "}"))
    with opened(place, watch=False, watch_rules=str(file), api_key="a-key-of-some-length") as client:
        target = MetadataTarget("shop", "public", "orders")
        alert = {
            "rule": "volume.small",
            "severity": "critical",
            "title": f"orders {HOSTILE}",
            "message": HOSTILE,
            "labels": {"check": HOSTILE},
        }
        for hours, state in ((3, "firing"), (2, "acknowledged"), (1, "resolved")):
            said = alert | {"state": state} | ({"acknowledged_by": HOSTILE} if state == "acknowledged" else {})
            client.house.repository.store(MetadataRecord(target, "alert", said, NOW - timedelta(hours=hours), "watch.volume.small"))
        for number, rows in enumerate((5, 50, 7)):
            at = NOW - timedelta(minutes=number)
            client.house.repository.store(
                MetadataRecord(target, "ingestion_volume", {"row_count": rows}, at, "load", MetadataContext(run_id=str(number)))
            )
        client.house.subscriptions.enter("watch:hook", at_end=False)
        client.alert_id = client.house.alerts.page(states=["resolved"]).items[0].alert_id
        yield client


@pytest.fixture(scope="module")
def key():
    return {"authorization": "Bearer a-key-of-some-length"}


def test_an_alert_tells_its_history_and_who_was_told(client, key):
    answer = client.get(f"/ui/alert/{client.alert_id}", headers=key)
    assert answer.status_code == 200
    assert HOSTILE not in answer.text
    assert "hook is still to be told" in answer.text
    assert 'href="/ui/rule/volume.small"' in answer.text
    assert "I look after it" not in answer.text
    told = client.get(f"/ui/alert/{client.alert_id}.json", headers=key).json()
    assert [moment["notice"]["state"] for moment in told["history"]] == ["resolved", "acknowledged", "firing"]
    assert [[item["channel"] for item in moment["told"]] for moment in told["history"]] == [["hook"], [], ["hook"]]


def test_alerts_are_chosen_by_state_rule_source_and_severity(client, key):
    for query, count in (
        ("", 0),
        ("state=resolved", 1),
        ("state=resolved&rule=volume.small&severity=critical", 1),
        ("state=resolved&rule=x", 0),
    ):
        assert len(client.get(f"/ui/alerts.json?{query}", headers=key).json()["items"]) == count, query
    assert "No alert is open." in client.get("/ui/alerts", headers=key).text
    assert "No alert is like that." in client.get("/ui/alerts?source_id=x", headers=key).text
    assert client.get("/ui/alerts?state=asleep", headers=key).status_code == 400
    assert client.get("/ui/alert/nothing", headers=key).status_code == 404


def test_rules_and_channels_are_shown_without_what_channels_are_reached_by(client, key):
    for path in ("/ui/rules", "/ui/rules.json", "/ui/rule/volume.small", "/ui/rule/volume.small.json", f"/ui/alert/{client.alert_id}"):
        text = client.get(path, headers=key).text
        assert SECRET not in text, path
        assert "hooks.example" not in text, path
        assert "theirs" not in text, path
        assert str(client.house.settings.data_dir) not in text, path
    shown = client.get("/ui/rules.json", headers=key).json()
    assert shown["file"] == "rules of ours.yaml"
    assert [channel["name"] for channel in shown["channels"]] == ["hook"]
    assert ("volume.small", ["hook"], False) in [(rule["name"], rule["channels"], rule["is_given"]) for rule in shown["rules"]]
    assert client.get("/ui/rule/theirs.alone", headers=key).status_code == 404


def test_a_rule_is_held_against_the_newest_facts(client, key):
    answer = client.get("/ui/rule/volume.small", headers=key)
    assert "<b>{target}" not in answer.text
    assert "One bad fact alone is no alert yet." in answer.text
    tried = client.get("/ui/rule/volume.small.json", headers=key).json()["trial"]
    assert [fact["standing"] for fact in tried["facts"]] == ["bad", "good", "silent"]
    narrow = client.house.tokens.create("narrow", [Grant(Action.READ, "default", "*", ("alert",))], created_by="test").value
    closed = client.get("/ui/rule/volume.small", headers={"authorization": f"Bearer {narrow}", "host": "factbook.example"})
    assert "Your token does not show facts of the kind ingestion_volume" in closed.text


def test_a_rules_file_that_is_wrong_is_told_to_those_who_run_the_server(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("channels:\n  - name: hook\n    type: webhook\n    url: https://x.example\nrules: nothing")
    with opened(tmp_path, watch=False, watch_rules=str(file), api_key="a-key-of-some-length") as client:
        reader = client.house.tokens.create("reader", [Grant(Action.READ, "default")], created_by="test").value
        own = client.get("/ui/rules", headers={"authorization": "Bearer a-key-of-some-length"}).text
        assert "rules.yaml is wrong at rules" in own
        told = client.get("/ui/rules", headers={"authorization": f"Bearer {reader}", "host": "factbook.example"}).text
        assert "The rules file of the server cannot be used" in told
        assert "is wrong at" not in told
        assert client.get("/ui/alerts", headers={"authorization": "Bearer a-key-of-some-length"}).status_code == 200
