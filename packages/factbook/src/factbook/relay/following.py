"""Keep a handler fed, for as long as somebody wants it to be."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from factbook.events.contract import Bus, Delivery, Handler

if TYPE_CHECKING:
    from factbook.relay.relay import Relay

_LOOK_SECONDS = 0.1
_NOTHING_SECONDS = 20.0


def follow(
    bus: Bus, name: str, handler: Handler, *, relay: Relay | None = None, once: bool = False, delivery: Delivery | None = None
) -> None:
    """Subscribe and stay until interrupted; with ``once`` until everything there is by now was handled.

    A ``relay`` brings the events where the bus is in this process.
    """
    subscription = bus.subscribe(name, handler, delivery or Delivery())
    try:
        if relay is not None:
            relay.run_to_the_end() if once else relay.run()
        elif once:
            _wait_for_the_end(bus, name)
        else:
            threading.Event().wait()
    finally:
        subscription.close()


def _wait_for_the_end(bus: Bus, name: str) -> None:
    """Wait until nothing is left; a bus that does not know the name for long has nothing for it."""
    began = time.monotonic()
    while (lag := bus.lag(name)) != 0:
        if lag is None and time.monotonic() - began > _NOTHING_SECONDS:
            return
        time.sleep(_LOOK_SECONDS)
