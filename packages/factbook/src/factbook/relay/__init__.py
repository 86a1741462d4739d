"""Carry the log on: followers with a stored place, the relay to the bus, and a store fed from the bus."""

from factbook.relay.log_follower import LogFollower
from factbook.relay.relay import Relay
from factbook.relay.subscription import RelayStatus, Subscriptions

__all__ = ["LogFollower", "Relay", "RelayStatus", "Subscriptions"]
