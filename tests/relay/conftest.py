"""A store, and a subject of the test's own on a real NATS server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobs.conftest import open_store

from factbook.events import Bus, open_bus
from factbook.events.inprocess import InProcessBus
from factbook.relay import Relay
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.testing.records import event, state

LEASE_SECONDS = 2.0


def make_relay(repository: SqlRepository, bus: Bus, owner: str = "one", name: str = "relay") -> Relay:
    return Relay(repository, bus, name=name, source="urn:factbook:test", owner=owner, lease_seconds=LEASE_SECONDS)


def some_records(count: int, *, targets: int = 7, first: int = 0) -> list[MetadataRecord]:
    """Return records of several targets, kinds and tenants."""
    return [
        state(number, number, table=f"t{number % targets}", tenant=f"tenant{number % 2}")
        if number % 3
        else event(number, number, tenant=f"tenant{number % 2}")
        for number in range(first, first + count)
    ]


@pytest.fixture
def subject() -> str:
    return f"test.{uuid.uuid4().hex}"


@pytest.fixture
def bus_url(nats_url: str, subject: str) -> Iterator[str]:
    yield f"{nats_url}/?subject={subject}&max_bytes=67108864"
    forget_streams(nats_url, subject)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture
def repository(store_url: str) -> Iterator[SqlRepository]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def bus() -> Iterator[InProcessBus]:
    made = InProcessBus()
    yield made
    made.close()


@pytest.fixture
def nats_bus(bus_url: str) -> Iterator[Bus]:
    made = open_bus(bus_url)
    yield made
    made.close()


def forget_streams(nats_url: str, subject: str) -> None:
    """Delete what a test made on the server."""
    import asyncio

    import nats

    async def forget() -> None:
        client = await nats.connect(nats_url)
        for stream in await client.jetstream().streams_info():
            if (stream.config.name or "").startswith(subject.replace(".", "-")):
                await client.jetstream().delete_stream(stream.config.name)
        await client.close()

    asyncio.run(forget())
