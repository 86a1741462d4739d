"""A process of its own that is killed by ``test_killed.py``: ``child.py ROLE STORE_URL BUS_URL …``.

``relay`` relays, ``persist`` fills a store from the bus; both until they are ended.
"""

from __future__ import annotations

import os
import sys

from tests.jobs.conftest import open_store

from factbook.events import Delivery, open_bus
from factbook.relay import Relay
from factbook.relay.following import follow
from factbook.relay.persist import Persist

LEASE_SECONDS = 1.5


def main(role: str, store_url: str, bus_url: str) -> None:
    repository, bus = open_store(store_url), open_bus(bus_url)
    if role == "relay":
        owner = f"child-{os.getpid()}"
        Relay(repository, bus, name="relay", source="urn:factbook:test", owner=owner, lease_seconds=LEASE_SECONDS).run()
    else:
        follow(bus, "persist", Persist(repository), delivery=Delivery(lease_seconds=LEASE_SECONDS, batch=50))


if __name__ == "__main__":
    main(*sys.argv[1:])
