"""Three servers, streams on all of them, and the leader killed under load."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.bus.servers import cluster_url, nats_cluster
from tests.jobs.conftest import open_store
from tests.relay.conftest import make_relay, some_records
from tests.relay.test_killed import check_nothing_is_lost

from factbook.events import open_bus
from factbook.events.testing import QUICK, Collector, eventually


def leader_of(url: str, stream: str) -> str:
    """Return the name of the server that leads a stream."""
    import nats

    async def ask() -> str:
        client = await nats.connect(url)
        try:
            info = await client.jetstream().stream_info(stream)
            assert info.cluster is not None
            assert info.cluster.replicas is not None
            assert len(info.cluster.replicas) == 2
            return info.cluster.leader or ""
        finally:
            await client.close()

    return asyncio.run(ask())


@pytest.mark.usefixtures("nats_url")  # left out where NATS is
def test_the_leader_killed_under_load_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    with (
        nats_cluster(tmp_path) as servers,
        closing(open_bus(cluster_url(servers))) as bus,
        closing(open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")) as repository,
    ):
        got, accepted = Collector(), threading.Event()

        def write() -> None:
            """Store records without a pause, some of them after the bus has found a new leader."""
            part = 0
            while part < 20 or not accepted.is_set():
                repository.bulk_store(some_records(40, first=40 * part))
                part += 1
                accepted.wait(0.1)

        bus.subscribe("watcher", got, QUICK)
        relay, writer = make_relay(repository, bus), threading.Thread(target=write)
        relay.start()
        writer.start()
        try:
            eventually(lambda: relay.counters.published > 200)
            leader = leader_of(next(iter(servers.values())).url, "metadata-events")
            servers[leader].kill()
            before = relay.counters.published
            eventually(lambda: relay.counters.published > before + 200)
            accepted.set()
            writer.join()
            check_nothing_is_lost(got, repository)
        finally:
            accepted.set()
            writer.join()
            relay.stop()
