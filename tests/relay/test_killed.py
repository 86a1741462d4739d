"""Processes and servers killed in mid stream, with kill -9, and what is left afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.bus.servers import nats_server
from tests.jobs.conftest import open_store
from tests.relay.conftest import make_relay, some_records

from factbook.events import Bus, open_bus
from factbook.events.testing import QUICK, Collector, eventually
from factbook.relay import Subscriptions
from factbook.repository.sql import SqlRepository
from factbook_sdk.testing.records import event

ROOT = Path(__file__).parents[2]
RECORDS = 3000

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[subprocess.Popen[bytes]] = []

    def start_child(*arguments: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(ROOT), *sys.path])
        command = [sys.executable, str(Path(__file__).with_name("child.py")), *arguments]
        children.append(subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path, "LOG_LEVEL": "ERROR"}, stdout=subprocess.DEVNULL))
        return children[-1]

    yield start_child
    for child in children:
        child.kill()
        child.wait()


def check_nothing_is_lost(got: Collector, repository: SqlRepository) -> None:
    """Every record came, and those of a target in the order of the log."""
    stored = order_of_targets(repository)
    eventually(lambda: len(got.ids) == sum(map(len, stored.values())), "not everything came")
    assert {key: got.firsts(key) for key in stored} == stored


def order_of_targets(repository: SqlRepository) -> dict[str, list[str]]:
    """Return the ids of each target's records in the order in which they were stored."""
    found: dict[str, list[str]] = {}
    for item in repository.everything(0, 100_000)[0]:
        found.setdefault(f"{item.record.context.tenant}/{item.record.target}", []).append(item.id)
    return found


def test_a_relay_killed_at_any_instant_loses_nothing(
    start: Start, repository: SqlRepository, store_url: str, bus_url: str, nats_bus: Bus
) -> None:
    got = Collector()
    nats_bus.subscribe("watcher", got, QUICK)
    subscriptions = Subscriptions(repository, lease_seconds=1)
    chosen, done = random.Random(20260131), threading.Event()

    def write() -> None:
        part = 0
        while not done.wait(0.02):
            repository.bulk_store(some_records(50, first=50 * part))
            part += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        child = start("relay", store_url, bus_url)
        for _ in range(5):
            reached = len(got.ids)
            eventually(lambda reached=reached: len(got.ids) > reached)  # type: ignore[misc]
            time.sleep(chosen.uniform(0.0, 0.2))
            child.send_signal(signal.SIGKILL)
            child.wait()
            assert subscriptions.status("relay").served_by is not None
            child = start("relay", store_url, bus_url)
    finally:
        done.set()
        writer.join()
    check_nothing_is_lost(got, repository)


def test_a_store_fed_from_the_bus_is_whole_though_its_process_is_killed(
    start: Start, repository: SqlRepository, bus_url: str, tmp_path: Path
) -> None:
    copy_url = f"sqlite:///{tmp_path / 'copy.sqlite'}"
    repository.bulk_store(some_records(RECORDS))
    with closing(open_bus(bus_url)) as bus, closing(open_store(copy_url)) as copy:
        child = start("persist", copy_url, bus_url)
        make_relay(repository, bus).run_to_the_end()
        for share in (0.1, 0.4, 0.7):
            eventually(lambda share=share: copy.last_offset() > RECORDS * share)  # type: ignore[misc]
            child.send_signal(signal.SIGKILL)
            child.wait()
            child = start("persist", copy_url, bus_url)
        eventually(lambda: copy.last_offset() == RECORDS)
        assert bus.dead_count() == 0
        assert order_of_targets(copy) == order_of_targets(repository)


@pytest.mark.usefixtures("nats_url")  # left out where NATS is
def test_nats_killed_under_the_relay_and_its_subscriber_is_waited_for(repository: SqlRepository, tmp_path: Path) -> None:
    with nats_server(tmp_path) as server, closing(open_bus(server.url)) as bus:
        got = Collector()
        bus.subscribe("watcher", got, QUICK)
        relay = make_relay(repository, bus)
        relay.start()
        try:
            for part in range(4):
                repository.bulk_store(some_records(200, first=200 * part))
                if part in (1, 2):
                    eventually(lambda part=part: len(got.ids) > 200 * part)  # type: ignore[misc]
                    server.kill()
                    repository.bulk_store(some_records(50, first=5000 + 50 * part))
                    eventually(lambda: Subscriptions(repository, lease_seconds=1).status("relay").last_error is not None)
                    server.start()
            check_nothing_is_lost(got, repository)
        finally:
            relay.stop()


def test_a_record_too_large_for_the_bus_is_named_and_holds_up_nobody(repository: SqlRepository, nats_bus: Bus) -> None:
    got = Collector()
    nats_bus.subscribe("watcher", got, QUICK)
    large = event(2, extras={})
    assert large.payload is not None
    large.payload["parameters"] = {"text": "x" * 2_000_000}
    repository.bulk_store([event(1), large, event(3)])
    relay = make_relay(repository, nats_bus)
    assert relay.run_to_the_end() == 3
    eventually(lambda: len(got.ids) == 2)
    (letter,) = nats_bus.dead_letters()
    assert letter.subscriber == "relay"
    assert letter.reason.startswith("too large for the bus: the record has 2,000,")
    assert b'"offset":"2"' in letter.body
    assert relay.counters.too_large == 1
