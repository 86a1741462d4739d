"""Watchers killed with kill -9 in mid delivery, and what has arrived afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.watch.conftest import alerts, diff, open_store, rules
from tests.watch.places import Hook

from factbook.events.testing import eventually
from factbook.relay import Subscriptions

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 0.6
KILLS = 4


@contextmanager
def child(store_url: str, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    path = os.pathsep.join([str(ROOT), *sys.path])
    command = [sys.executable, str(Path(__file__).with_name("child.py")), store_url, str(file), str(LEASE_SECONDS)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_watcher_killed_between_store_and_delivery_loses_nothing_and_doubles_what_was_on_its_way(
    store: str, store_url: str, hook: Hook, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = store_url if store == "sqlite" else request.getfixturevalue("postgres_url")
    repository = open_store(url)
    file = tmp_path / "rules.yaml"
    file.write_text(rules(hook.url))
    chosen, done = random.Random(20260131), threading.Event()
    told: list[int] = []

    def slowly(number: int, body: bytes) -> tuple[int, dict[str, str]]:
        time.sleep(0.02)
        return 200, {}

    def write() -> None:
        while not done.wait(0.02):
            told.append(len(told))
            repository.store(diff(1, len(told) / 100))

    hook.answer = slowly
    Subscriptions(repository, lease_seconds=1).enter("watch:ops", at_end=True)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(KILLS):
            reached = len(hook.taken)
            with child(url, file) as victim:
                eventually(lambda reached=reached: len(hook.taken) > reached)  # type: ignore[misc]
                time.sleep(chosen.uniform(0.0, 0.1))
                victim.send_signal(signal.SIGKILL)
        done.set()
        writer.join()
        with child(url, file):
            eventually(lambda: len({alert["id"] for alert in hook.alerts}) == len(told))
    finally:
        done.set()
        writer.join()
    assert len(alerts(repository)) == len(told)
    # Stated bound: what one message held that was on its way comes once more for each crash.
    often = Counter(alert["id"] for alert in hook.alerts)
    assert max(often.values()) <= 1 + KILLS
    doubled = [body for body in hook.bodies if any(often[alert["id"]] > 1 for alert in body["data"]["alerts"])]
    assert len(doubled) <= 2 * KILLS
    repository.close()
