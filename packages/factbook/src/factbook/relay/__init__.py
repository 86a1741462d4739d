"""From the log to the bus, and from the bus on: the relay, and the subscribers that come with Factbook."""

from factbook.relay.relay import Relay
from factbook.relay.subscription import RelayStatus, Subscriptions

__all__ = ["Relay", "RelayStatus", "Subscriptions"]
