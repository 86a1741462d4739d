"""How many records a second the relay brings from the log to NATS, and a store fed from the bus takes; what measuring requests costs.

The floor is the bare client: the same bytes published asynchronously, as many at a time, from one process, without a log. Run with
``python -m bench.bus``; it needs nats-server with JetStream, at FACTBOOK_TEST_NATS_URL or on its port here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import structlog

from bench import report
from factbook.events import Event, event_of, open_bus
from factbook.events.cloudevents import encode_event
from factbook.relay import Relay, Subscriptions
from factbook.relay.following import follow
from factbook.relay.log_follower import BATCH_RECORDS
from factbook.relay.persist import Persist
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_sql
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.testing.records import state

RECORDS = 20_000
REQUESTS = 50_000
NATS_URL = os.environ.get("FACTBOOK_TEST_NATS_URL", "nats://127.0.0.1:4222")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        rows = [_measure(folder, targets) for targets in (RECORDS, 100, 1)]
    what = f"{RECORDS:,} records of about 600 bytes as events, one JetStream stream on file; the better of two runs each."
    note = f"`python -m bench.bus`, {report.machine()} {what}"
    report.write("bus", ["targets", "floor: bare publishes/s", "relay: records/s", "of the floor", "persist: records/s"], rows, note)
    bare, measured = asyncio.run(_request_cost())
    note = f"`python -m bench.bus`, {report.machine()} A request through the layer that counts it, beside the same without."
    report.write("bus-measuring", ["bare: µs", "measured: µs", "cost: µs"], [[bare, measured, round(measured - bare, 2)]], note)


def _measure(folder: str, targets: int) -> list[Any]:
    store, copy = (_open(f"sqlite:///{folder}/{name}-{targets}.sqlite") for name in ("store", "copy"))
    with closing(store), closing(copy):
        store.bulk_store(state(number, number, table=f"table_{number % targets}") for number in range(RECORDS))
        floor = max(_floor(_events(store)) for _ in range(2))
        subject = f"bench.{uuid.uuid4().hex}"
        with closing(open_bus(f"{NATS_URL}/?subject={subject}&max_bytes=268435456")) as bus:
            relay = Relay(store, bus, name=subject, source="urn:factbook:bench", owner="bench")
            relayed = _relay(relay)
            began = time.perf_counter()
            follow(bus, "bench", Persist(copy), once=True)
            persisted = RECORDS / (time.perf_counter() - began)
            Subscriptions(store, lease_seconds=30).replay(subject, after_offset=0)
            relayed = max(relayed, _relay(relay))
        asyncio.run(_forget(subject))
        assert copy.last_offset() == RECORDS
    return [targets, round(floor), round(relayed), f"{relayed / floor:.0%}", round(persisted)]


def _relay(relay: Relay) -> float:
    began = time.perf_counter()
    relay.run_to_the_end()
    return RECORDS / (time.perf_counter() - began)


def _open(url: str) -> SqlRepository:
    return open_sql(url, admission=Admission(builtin_kinds()))


def _events(store: SqlRepository) -> list[Event]:
    return [event_of(item, "urn:factbook:bench") for item in store.everything(0, RECORDS)[0]]


def _floor(events: Sequence[Event]) -> float:
    return asyncio.run(_publish_bare([(encode_event(event), {"Nats-Msg-Id": event.id}) for event in events]))


async def _publish_bare(messages: Sequence[tuple[bytes, dict[str, str]]]) -> float:
    import nats

    subject = f"bench.{uuid.uuid4().hex}"
    client = await nats.connect(NATS_URL)
    jetstream = client.jetstream()
    await jetstream.add_stream(name=subject.replace(".", "-"), subjects=[subject], max_bytes=268435456)
    began = time.perf_counter()
    for start in range(0, len(messages), BATCH_RECORDS):
        part = messages[start : start + BATCH_RECORDS]
        await asyncio.gather(*[await jetstream.publish_async(subject, body, headers=headers) for body, headers in part])
    seconds = time.perf_counter() - began
    await jetstream.delete_stream(subject.replace(".", "-"))
    await client.close()
    return len(messages) / seconds


async def _forget(subject: str) -> None:
    import nats

    client = await nats.connect(NATS_URL)
    for name in ("", "-dead", "-leases"):
        await client.jetstream().delete_stream(subject.replace(".", "-") + name)
    await client.close()


async def _request_cost() -> tuple[float, float]:
    """Return microseconds of a request without and with the layer that counts it."""
    from prometheus_client import CollectorRegistry

    from factbook.api.measuring import Measuring, request_histogram

    async def answer(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(_message: Any) -> None:
        return None

    async def microseconds(application: Any) -> float:
        began = time.perf_counter()
        for _ in range(REQUESTS):
            await application({"type": "http", "method": "GET", "path": "/"}, None, send)
        return round((time.perf_counter() - began) / REQUESTS * 1e6, 2)

    measured = Measuring(answer, request_histogram(CollectorRegistry()))
    return min([await microseconds(answer) for _ in range(3)]), min([await microseconds(measured) for _ in range(3)])


if __name__ == "__main__":
    main()
