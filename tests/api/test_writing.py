"""How records come in: shared commits, bounds, and what is left of clients that go away."""

import asyncio
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from tests.api.conftest import MakeClient, a_record, check_problem
from tests.api.serving import uvicorn

from factbook.api.problems import Overloaded
from factbook.api.writing import Pressure, Writing, read_counted
from factbook.errors import InvalidRecord, TemporaryError
from factbook_sdk.facts import Admission, MetadataRecord, builtin_kinds
from factbook_sdk.facts.codec import to_record
from factbook_sdk.repository.contract import BulkReport, Outcome
from factbook_sdk.repository.memory import MemoryRepository


class Slow(MemoryRepository):
    """Remembers how many records came together, and is busy until it is let go."""

    def __init__(self) -> None:
        super().__init__(Admission(builtin_kinds()))
        self.bulks: list[int] = []
        self.go = threading.Event()
        self.error: Exception | None = None

    def bulk_store(self, records: Any, *, atomic: bool = False) -> BulkReport:
        self.go.wait(10)
        self.bulks.append(len(records))
        if self.error is not None:
            raise self.error
        return super().bulk_store(records, atomic=atomic)


def fact(number: int, **changes: Any) -> MetadataRecord:
    return to_record(a_record(number, **changes))


def store_all(repository: Slow, records: list[MetadataRecord]) -> list[Any]:
    """Store records at the same time; return what became of each, or its error."""
    writing = Writing(lambda: repository, max_requests=1000, max_bytes=10**9)

    async def run() -> list[Any]:
        tasks = [asyncio.create_task(writing.store(record)) for record in records]
        await asyncio.sleep(0.05)
        repository.go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    try:
        return asyncio.run(run())
    finally:
        writing.close()


def test_records_that_come_during_a_commit_share_the_next_one() -> None:
    repository = Slow()
    stored = store_all(repository, [fact(number) for number in range(50)])
    assert {result.outcome for result in stored} == {Outcome.STORED}
    assert repository.bulks == [1, 49]


def test_a_record_that_is_refused_fails_alone() -> None:
    records = [fact(number, kind="nonsense") if number == 7 else fact(number) for number in range(20)]
    stored = store_all(Slow(), records)
    assert isinstance(stored.pop(7), InvalidRecord)
    assert {result.outcome for result in stored} == {Outcome.STORED}


def test_an_unexpected_failure_of_a_shared_commit_leaves_each_record_to_itself() -> None:
    repository = Slow()
    repository.error = ValueError("one of them")
    stored = store_all(repository, [fact(number) for number in range(10)])
    assert {result.outcome for result in stored} == {Outcome.STORED}


def test_a_passing_failure_is_told_to_all_at_once() -> None:
    repository = Slow()
    repository.error = TemporaryError("The store is busy")
    stored = store_all(repository, [fact(number) for number in range(10)])
    assert all(isinstance(error, TemporaryError) for error in stored)
    assert repository.bulks == [1, 9]


def test_a_record_is_stored_though_its_client_went_away() -> None:
    repository = Slow()
    writing = Writing(lambda: repository, max_requests=1000, max_bytes=10**9)

    async def run() -> None:
        gone, stays = (asyncio.create_task(writing.store(fact(number))) for number in (1, 2))
        await asyncio.sleep(0.05)
        gone.cancel()
        repository.go.set()
        assert (await stays).outcome is Outcome.STORED

    asyncio.run(run())
    writing.close()
    assert len(repository.tail().records) == 2


def test_pressure_counts_requests_and_bytes_and_lets_a_large_one_pass_alone() -> None:
    pressure = Pressure(max_requests=2, max_bytes=100)
    with pressure.admit(1_000), pytest.raises(Overloaded, match="bytes"), pressure.admit(1):
        pass
    with pressure.admit(10) as correct, pressure.admit(10):
        with pytest.raises(Overloaded), pressure.admit(10):
            pass
        with pytest.raises(Overloaded):
            correct(1_000)
    assert (pressure.requests, pressure.bytes, pressure.refused) == (0, 0, 3)


def test_over_the_bound_the_server_answers_429_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with uvicorn(tmp_path, MAX_PENDING_WRITES="4") as server:
        server.client.post("/records", json=a_record(0))
        blocker = sqlite3.connect(tmp_path / ".metadb" / "metadb.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")

        def post(number: int) -> httpx2.Response:
            return server.client.post("/records", json=a_record(number))

        with ThreadPoolExecutor(12) as pool:
            pending = [pool.submit(post, number) for number in range(1, 13)]
            deadline = time.monotonic() + 20
            while sum(future.done() for future in pending) < 8 and time.monotonic() < deadline:
                time.sleep(0.01)
            blocker.execute("COMMIT")
            answers = [future.result() for future in pending]
        blocker.close()
        refused = [answer for answer in answers if answer.status_code == 429]
        stored = [answer.json()["results"][0]["offset"] for answer in answers if answer.status_code == 200]
        assert len(refused) == 8
        for answer in refused:
            assert check_problem(answer, 429, "overloaded")["fix"]
            assert int(answer.headers["retry-after"]) >= 1
        kept = [item["offset"] for item in server.client.get("/records/tail").json()["items"]]
        assert sorted([1, *stored]) == kept


def test_a_body_of_unknown_length_is_counted_once_it_is_known(make_client: MakeClient) -> None:
    client = make_client(max_pending_bytes=2_000)
    small = json.dumps(a_record(1)).encode()
    answer = client.post("/records", content=iter([small[:100], small[100:]]), headers={"Content-Type": "application/json"})
    assert answer.json()["counts"]["stored"] == 1
    assert client.app.state.writing.pressure.bytes == 0


def test_a_commit_that_cannot_begin_fails_its_records_and_no_others() -> None:
    repository = Slow()
    repository.go.set()
    broken = [ValueError("the store is gone")]

    def find() -> Slow:
        if broken:
            raise broken.pop()
        return repository

    writing = Writing(find, max_requests=1000, max_bytes=10**9)

    async def run() -> None:
        with pytest.raises(ValueError, match="gone"):
            await writing.store(fact(1))
        assert (await writing.store(fact(2))).outcome is Outcome.STORED

    asyncio.run(run())
    writing.close()


def test_a_body_in_pieces_is_counted_while_it_comes() -> None:
    pieces = [b"a" * 7, b"b" * 400, b"c" * 2]
    messages = [{"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces]
    counted: list[int] = []

    async def receive() -> Any:
        return messages.pop(0)

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    assert asyncio.run(read_counted(request, counted.append)) == b"".join(pieces)
    assert counted[:3] == [7, 407, 409]
