"""Following the log as a stream: NDJSON and server-sent events, from a real server."""

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.api.conftest import a_record
from tests.api.serving import Server, free_port, running, uvicorn

SSE = {"Accept": "text/event-stream"}
FOLLOW = {"follow": "true"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with uvicorn(tmp_path_factory.mktemp("streams")) as server:
        yield server


def store(client: httpx2.Client, *numbers: int, **changes: Any) -> list[int]:
    answer = client.post("/records", json=[a_record(number, **changes) for number in numbers])
    return [result["offset"] for result in answer.json()["results"]]


def end_of(client: httpx2.Client) -> int:
    """Return the last offset of the log."""
    after = 0
    while (page := client.get("/records/tail", params={"after_offset": after, "limit": 10_000}).json())["items"]:
        after = page["next_after_offset"]
    return after


def lines(answer: httpx2.Response) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in answer.iter_lines() if line)


def events(answer: httpx2.Response) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield each event as its id and its data, as the standard has it; a heartbeat has no data."""
    event: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            assert "data" not in event or event["event"] == "record"
            yield int(event["id"]), json.loads(event["data"]) if "data" in event else None
            event = {}


def test_a_stream_gives_what_is_there_and_then_what_comes(server: Server) -> None:
    after = end_of(server.client)
    known = store(server.client, 1, 2)
    with server.client.stream("GET", "/records/tail", params=FOLLOW | {"after_offset": after}) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        stream = lines(answer)
        assert [next(stream)["offset"] for _ in known] == known
        for number in (3, 4):
            [offset] = store(server.client, number)
            item = next(stream)
            assert (item["offset"], item["record"]["payload"]["job_id"]) == (offset, f"job-{number}")


def test_server_sent_events_carry_the_offset_as_id_and_resume_by_it(server: Server) -> None:
    after = end_of(server.client)
    known = store(server.client, 11, 12, 13)
    with server.client.stream("GET", "/records/tail", params={"after_offset": after}, headers=SSE) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        heartbeat, *seen = islice(events(answer), 3)
    assert heartbeat == (after, None)
    assert [offset for offset, _ in seen] == known[:2]
    again = SSE | {"Last-Event-ID": str(seen[-1][0])}
    # What a client has seen goes before where it once began.
    with server.client.stream("GET", "/records/tail", params={"after_offset": after}, headers=again) as answer:
        _, (offset, item) = islice(events(answer), 2)
    assert offset == known[2]
    assert item is not None
    assert item["record"]["payload"]["job_id"] == "job-13"


def test_a_stream_of_some_kinds_leaves_the_others_out(server: Server) -> None:
    after = end_of(server.client)
    load = {"started_at": "2026-01-01T00:00:00Z", "duration_seconds": 3.2, "outcome": "succeeded"}
    with server.client.stream("GET", "/records/tail", params=FOLLOW | {"after_offset": after, "kind": "ingestion_runtime"}) as answer:
        store(server.client, 21)
        store(server.client, 22, kind="ingestion_runtime", payload=load)
        assert next(lines(answer))["record"]["kind"] == "ingestion_runtime"


def test_wrong_resume_points_are_refused(server: Server) -> None:
    for headers, params in ((SSE | {"Last-Event-ID": "latest"}, {}), (SSE, {"after_offset": "-1"}), ({}, FOLLOW | {"follow": "perhaps"})):
        answer = server.client.get("/records/tail", params=params, headers=headers)
        assert answer.status_code == 400, answer.text


def test_followers_see_each_record_once_and_in_order_while_others_write(server: Server) -> None:
    after, total = end_of(server.client), 300

    def follow(headers: dict[str, str]) -> list[int]:
        with (
            httpx2.Client(base_url=server.client.base_url, timeout=30) as client,
            client.stream("GET", "/records/tail", params=FOLLOW | {"after_offset": after}, headers=headers) as answer,
        ):
            offsets = (offset for offset, item in events(answer) if item) if headers else (item["offset"] for item in lines(answer))
            return list(islice(offsets, total))

    with ThreadPoolExecutor(12) as pool:
        followers = [pool.submit(follow, headers) for headers in ({}, SSE, {}, SSE)]
        written = [offset for part in pool.map(lambda number: store(server.client, number), range(1000, 1000 + total)) for offset in part]
        assert sorted(written) == list(range(after + 1, after + total + 1))
        for follower in followers:
            assert follower.result(timeout=60) == sorted(written)


def test_a_follower_that_does_not_read_holds_up_nobody(server: Server) -> None:
    after = end_of(server.client)
    big = {"extras": {"text": "x" * 100_000}}
    with server.client.stream("GET", "/records/tail", params=FOLLOW | {"after_offset": after}):
        for start in range(2000, 2100, 20):
            store(server.client, *range(start, start + 20), **big)
        assert end_of(server.client) == after + 100


def test_a_follower_goes_on_where_it_was_when_the_server_is_killed_and_comes_again(tmp_path: Path) -> None:
    port, seen, after = free_port(), [], 0
    arguments = ["-m", "uvicorn", "factbook.api.app:app", "--port", str(port)]
    acknowledged: list[int] = []
    for life in range(2):
        with running(tmp_path, arguments, port) as server:
            done = threading.Event()

            def write(server: Server = server, life: int = life, done: threading.Event = done) -> None:
                for number in range(life * 1000, life * 1000 + 1000):
                    try:
                        acknowledged.extend(store(server.client, number))
                    except httpx2.TransportError:
                        break
                done.set()

            writer = threading.Thread(target=write)
            writer.start()
            try:
                with (
                    httpx2.Client(base_url=server.client.base_url, timeout=30) as client,
                    client.stream("GET", "/records/tail", params=FOLLOW | {"after_offset": after}) as answer,
                ):
                    for item in lines(answer):
                        seen.append(item["offset"])
                        after = item["offset"]
                        if len(seen) == (life + 1) * 40:
                            server.stop(signal.SIGKILL)
            except httpx2.TransportError:
                pass
            assert done.wait(30)
            writer.join()
    with running(tmp_path, arguments, port) as server:
        rest = server.client.get("/records/tail", params={"after_offset": after, "limit": 10_000}).json()["items"]
    log = seen + [item["offset"] for item in rest]
    assert log == list(range(1, len(log) + 1))
    assert set(acknowledged) <= set(log)
