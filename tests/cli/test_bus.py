"""The relay and the subscribers as the command line runs them."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import command, environment
from tests.relay.conftest import forget_streams
from tests.watch.conftest import check

from factbook.events import DeadLetter, open_bus
from factbook.events.cloudevents import encode_event
from factbook.events.testing import an_event, eventually
from factbook_sdk.facts.codec import canonical_json
from factbook_sdk.testing.records import state


@pytest.fixture
def bus_url(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    subject = f"test.{uuid.uuid4().hex}"
    url = f"{nats_url}/?subject={subject}&max_bytes=67108864"
    monkeypatch.setenv("FACTBOOK_BUS_URL", url)
    yield url
    forget_streams(nats_url, subject)


@pytest.fixture
def stored(cli: Cli, bus_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Give a command line whose store holds three records, and whose settings name a bus."""
    monkeypatch.setenv("FACTBOOK_BUS_URL", bus_url)
    lines = "\n".join(canonical_json(state(number, number)).decode() for number in range(3))
    assert cli("records", "store", "-", stdin=lines).code == 0
    return cli


def test_the_relay_publishes_what_there_is_and_shows_how_far_it_is(stored: Cli, bus_url: str) -> None:
    name = f"nats:{bus_url.partition('subject=')[2].partition('&')[0]}"
    answer = stored("relay", "run", "--once")
    assert (answer.code, answer.out) == (0, f"3 published to {name}, up to offset 3.\n")
    assert stored("relay", "run", "--once", "--json").json == {"published": 0, "position": 3, "lag": 0}
    (status,) = stored("relay", "status", "--json").json
    assert (status["name"], status["position"], status["lag"], status["replays"]) == (name, 3, 0, 0)
    assert "position  3" in stored("relay", "status").out
    assert stored("relay", "replay", "--from", "2").out == f"{name} will be sent 2 records again, from offset 2 on.\n"
    assert stored("relay", "run", "--once", "--json").json["published"] == 2
    assert stored("relay", "replay", "--from", "9").code == 2


def test_a_relay_that_is_ended_gives_its_lease_back(stored: Cli, data_dir: Path, bus_url: str) -> None:
    with subprocess.Popen(command(["relay", "run"]), env=os.environ | environment(data_dir, FACTBOOK_BUS_URL=bus_url), stdout=-1) as relay:
        try:
            eventually(lambda: [(item["lag"], bool(item["served_by"])) for item in stored("relay", "status", "--json").json] == [(0, True)])
            relay.terminate()
            assert relay.wait(30) == 0
        finally:
            relay.kill()
        assert relay.stdout is not None
        assert relay.stdout.read().startswith(b"3 published to nats:test.")
    (status,) = stored("relay", "status", "--json").json
    assert status["served_by"] is None


def test_a_store_is_fed_from_the_bus(stored: Cli, tmp_path: Path) -> None:
    copy = f"sqlite:///{tmp_path / 'copy.sqlite'}"
    assert stored("relay", "run", "--once").code == 0
    answer = stored("subscribe", "persist", "--into", copy, "--once")
    assert (answer.code, answer.out) == (0, "3 stored.\n")
    assert stored("subscribe", "persist", "--into", copy, "--once", "--json").json == {"stored": 0}
    assert stored("subscribe", "lag", "persist", "--json").json == {"name": "persist", "lag": 0}
    assert stored("subscribe", "lag", "nobody").code == 2


def test_dead_letters_are_listed_and_replayed(stored: Cli, bus_url: str) -> None:
    body = encode_event(an_event(7))
    letter = DeadLetter(subscriber="persist", reason="no room", attempts=5, failed_at=datetime(2026, 1, 31, tzinfo=UTC), body=body)
    with closing(open_bus(bus_url)) as bus:
        bus.bury([letter])
    shown = stored("subscribe", "dead", "list").out
    assert all(word in shown for word in ("2026-01-31", "persist", "table_observation", "shop.sales.orders", "no room"))
    (told,) = stored("subscribe", "dead", "list", "--json").json
    assert (told["subscriber"], told["attempts"], told["event"]["offset"]) == ("persist", 5, "7")
    assert stored("subscribe", "dead", "replay").out == "1 dead letters published again.\n"
    assert stored("subscribe", "dead", "list", "--json").json == []


def test_alerts_are_raised_without_a_bus_too(cli: Cli) -> None:
    lines = "\n".join(canonical_json(check("failed", number)).decode() for number in range(4))
    assert cli("records", "store", "-", stdin=lines).code == 0
    assert cli("subscribe", "alerts", "--once").out == "1 alerts raised or resolved.\n"
    assert cli("subscribe", "alerts", "--once", "--json").json == {"alerts": 0}
    (alert,) = cli("records", "query", "alert", "--json").lines
    assert alert["record"]["payload"]["title"] == "shop.sales.orders: row_count failed 3 times in a row"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["relay", "run", "--once", "--url", "nats://me:s3cret@127.0.0.1:9"], 4, "does not answer"),
        (["subscribe", "dead", "list", "--url", "nats://me:s3cret@127.0.0.1:9"], 4, "does not answer"),
        (["subscribe", "persist", "--once"], 3, "No bus is named"),
        (["relay", "run", "--url", "amqp://me:s3cret@host"], 3, "there is no bus for amqp://"),
    ],
)
def test_what_goes_wrong_is_told_without_the_password(cli: Cli, arguments: list[str], code: int, told: str) -> None:
    assert cli("records", "store", "-", stdin=canonical_json(state(1)).decode()).code == 0
    answer = cli(*arguments)
    assert (answer.code, told in answer.err) == (code, True), answer.err
    assert "s3cret" not in answer.all
