"""A secret in any field of any channel appears nowhere: not in errors, logs, facts, or what commands show."""

from __future__ import annotations

import traceback
from contextlib import closing
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.watch.conftest import diff, open_store, watcher

from factbook.errors import FactbookError
from factbook.log import configure_logging
from factbook.relay import Subscriptions
from factbook.watch.delivery import MIN_ATTEMPTS

SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=8, max_size=24).map(
    lambda text: f"zq{text}9x"
)
AWAY = "127.0.0.1:9"

PLACES: dict[str, dict[str, Any]] = {
    "webhook path": {"type": "webhook", "url": f"http://{AWAY}/services/SECRET"},
    "webhook query": {"type": "webhook", "url": f"http://{AWAY}/x?token=SECRET"},
    "webhook fragment": {"type": "webhook", "url": f"http://{AWAY}/x#SECRET"},
    "webhook host": {"type": "webhook", "url": "http://SECRET.invalid/x"},
    "webhook user": {"type": "webhook", "url": f"http://SECRET@{AWAY}/x"},
    "webhook password": {"type": "webhook", "url": f"http://me:SECRET@{AWAY}/x"},
    "webhook port": {"type": "webhook", "url": "http://127.0.0.1:SECRET/x"},
    "webhook scheme": {"type": "webhook", "url": "SECRET://x"},
    "webhook whole": {"type": "webhook", "url": "SECRET"},
    "webhook signature": {"type": "webhook", "url": f"http://{AWAY}/x", "options": {"secret": "SECRET"}},
    "webhook header": {"type": "webhook", "url": f"http://{AWAY}/x", "options": {"headers": {"X-Key": "SECRET"}}},
    "webhook timeout": {"type": "webhook", "url": f"http://{AWAY}/x", "options": {"timeout_seconds": "SECRET"}},
    "mail user": {"type": "email", "url": f"smtps://SECRET:pw@{AWAY}", "options": {"from": "a@b.c", "to": "a@b.c"}},
    "mail password": {"type": "email", "url": f"smtp://me:SECRET@{AWAY}", "options": {"from": "a@b.c", "to": "a@b.c"}},
    "mail host": {"type": "email", "url": "smtp://SECRET.invalid", "options": {"from": "a@b.c", "to": "a@b.c"}},
    "mail address": {"type": "email", "url": f"smtp://{AWAY}", "options": {"from": "SECRET@b.c", "to": "SECRET@b.c"}},
    "mail no address": {"type": "email", "url": f"smtp://{AWAY}", "options": {"from": "SECRET", "to": "a@b.c"}},
    "mail starttls": {"type": "email", "url": f"smtp://{AWAY}", "options": {"from": "a@b.c", "to": "a@b.c", "starttls": "SECRET"}},
    "chat path": {"type": "chat", "url": f"json://{AWAY}/SECRET"},
    "chat user": {"type": "chat", "url": f"json://SECRET:SECRET@{AWAY}/"},
    "chat header": {"type": "chat", "url": f"json://{AWAY}/?+X-Key=SECRET"},
    "chat host": {"type": "chat", "url": "json://SECRET.invalid/"},
    "chat whole": {"type": "chat", "url": "SECRET"},
    "log option": {"type": "log", "options": {"colour": "SECRET"}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_appears_nowhere(place: str, logging_as_it_was: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factbook.watch.watcher._ONCE_PAUSE_SECONDS", 0.0)

    @settings(max_examples=2)
    @given(SECRETS)
    def hold(secret: str) -> None:
        for hidden in (secret, "${WATCH_TEST_SECRET}"):
            monkeypatch.setenv("WATCH_TEST_SECRET", secret)
            assert secret not in everything_said(PLACES[place], hidden)

    hold()


def everything_said(channel: dict[str, Any], secret: str) -> str:
    """Return all that is logged, raised, stored and shown as alerts fail to be delivered to a channel."""
    import json

    book = {"group_wait": "0s", "channels": [{"name": "ops", "give_up_after": "0s", **channel}]}
    text = json.dumps(book).replace("SECRET", secret).replace(f"WATCH_TEST_{secret}", "WATCH_TEST_SECRET")
    written = StringIO()
    configure_logging("DEBUG", written)
    with TemporaryDirectory() as folder, closing(open_store(f"sqlite:///{Path(folder) / 'store.sqlite'}")) as repository:
        try:
            repository.store(diff(1, 0))
            watching = watcher(repository, text)
            written.write(repr(watching.deliveries[0].spec))
            for _ in range(MIN_ATTEMPTS):
                written.write(str(watching.run_once()))
            written.write(str(watching.counters()))
        except FactbookError:
            written.write(traceback.format_exc())
        finally:
            configure_logging("INFO", written)
        return written.getvalue() + str(repository.everything(0, 100)) + str(Subscriptions(repository, lease_seconds=1).all())


def test_the_test_would_find_what_is_told(logging_as_it_was: None) -> None:
    said = everything_said({"type": "SECRET"}, "zqplain9x")
    assert "is of no type that is there" in said
    assert "catalog_diff" in everything_said(PLACES["webhook path"], "zqplain9x")
