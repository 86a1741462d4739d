"""Processes that tests kill, and what must be true of the log however they died."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from factbook.app import Factbook
from factbook.settings import load_settings
from factbook_sdk.emitter import Emitter, Spool
from factbook_sdk.errors import TemporaryError
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.repository.contract import StoredRecord
from factbook_sdk.repository.remote import RemoteRepository
from factbook_sdk.testing.records import event

ROOT = Path(__file__).parents[2]
_LIFE = 100_000
_LIVES = 1_000


class Victim(Protocol):
    """What can be killed and started again: a member of the cluster, a pipeline, whatever else is to survive."""

    @property
    def name(self) -> str: ...
    @property
    def exit_code(self) -> int | None: ...
    def start(self) -> None: ...
    def kill(self) -> object: ...


class Pipeline:
    """A process that emits numbered events through a spool; each life has numbers of its own. ``safe`` are those that must not get lost."""

    def __init__(self, number: int, url: str, folder: Path, *, pause_seconds: float) -> None:
        self.name = f"emitter-{number}"
        self.spool = folder / self.name
        self.url = url
        self.safe: set[int] = set()
        self._pause_seconds = pause_seconds
        self._next = number * _LIVES * _LIFE
        self._said = 0
        self._process: subprocess.Popen[str] | None = None
        self._listener = threading.Thread()

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        self._said = 0
        arguments = [self.url, str(self.spool), str(self._next), str(_LIFE), str(self._pause_seconds)]
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.sdk.emitting", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.safe |= set(range(self._next, self._next + self._said))
        self._next += _LIFE

    def deliver(self) -> None:
        """Send what the dead have left in the spool."""
        with Emitter(self.url, spool=self.spool):
            deadline = time.monotonic() + 120
            while Spool(self.spool).status().segments:
                assert time.monotonic() < deadline, f"the spool of {self.name} is not empty"
                time.sleep(0.05)

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A last line that the kill tore is not counted.
            if line.endswith("\n"):
                self._said = int(line)


class Caller:
    """A thread that stores one event after another over HTTP, at one server and then at the next, and notes which were acknowledged."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.acknowledged: set[int] = set()
        self._urls = urls
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> Caller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _call(self) -> None:
        with ExitStack() as opened:
            repositories = [opened.enter_context(closing(RemoteRepository(url, timeout_seconds=5))) for url in self._urls]
            number = 0
            while not self._ended.wait(0.01):
                with suppress(TemporaryError):
                    repositories[number % len(repositories)].store(event(number))
                    self.acknowledged.add(number)
                number += 1


def whole_log(url: str) -> list[StoredRecord]:
    """Return what a server shows of the log, from its beginning to its end."""
    found: list[StoredRecord] = []
    with closing(RemoteRepository(url, timeout_seconds=60)) as repository:
        after = 0
        while (page := repository.tail(after, limit=10_000)).records:
            found += page.records
            after = page.next_offset
    return found


def check_log(urls: Sequence[str], promised: Collection[int]) -> int:
    """Check that all servers show the same log, without gap or repeat, with every promised event in it once; return its length."""
    logs = [whole_log(url) for url in urls]
    for log in logs[1:]:
        assert [(item.offset, item.id) for item in log] == [(item.offset, item.id) for item in logs[0]]
    [log, *_] = logs
    assert [item.offset for item in log] == list(range(1, len(log) + 1))
    repeated = [identity for identity, count in Counter(item.id for item in log).items() if count > 1]
    assert repeated == []
    admission = Admission(builtin_kinds())
    lost = {admission.admit(event(number)).id.hex() for number in promised} - {item.id for item in log}
    assert len(lost) == 0
    return len(log)


def check_views(store_url: str, folder: Path) -> None:
    """Check that every view equals what replaying the log makes of it."""
    house = Factbook(load_settings({}, data_dir=str(folder / "data"), meta_db_url=store_url))
    try:
        before = _rows(house)
        house.repository.rebuild()
        assert _rows(house) == before
        assert any(before.values())
    finally:
        house.close()


def _rows(house: Factbook) -> dict[str, list[tuple[Any, ...]]]:
    with house.repository.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for projection in house.projections()
            for table in projection.tables
        }
