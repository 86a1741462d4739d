"""The watcher: follows the log, has followers see each record, raises alerts, and keeps every channel supplied.

Each part has a place in the log and a lease of its own, so that any number of processes may watch one store: of each part one works at a
time, and whichever dies, another goes on from its place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from factbook.errors import ChannelRefused, ChannelUnavailable, NotFound
from factbook.repository.sql import SqlRepository
from factbook.watch import about
from factbook.watch.channels.opening import open_channel
from factbook.watch.delivery import MIN_ATTEMPTS, Counters, Delivery, Place
from factbook.watch.judgement import Follower, Judgement
from factbook.watch.raising import Raising
from factbook.watch.rules import Rulebook

_ONCE_PAUSE_SECONDS = 1.0


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel was brought. ``failure``: what keeps it from getting the rest."""

    channel: str
    messages: int
    alerts: int
    set_aside: int
    failure: str | None = None


class WatchReport(msgspec.Struct, frozen=True):
    """What one run did: records seen, alerts raised or resolved, and what each channel was brought."""

    seen: int
    raised: int
    channels: list[Sent]


class Watcher:
    """Watches one store with one set of rules.

    ``followers`` stand in front of the rules, in their order (:data:`~factbook.watch.judgement.Follower` says what they owe); ``vitals``
    tells numbers of the house, once a minute.
    Raises :class:`ConfigurationError` for a channel that cannot be used, before anything begins.
    """

    def __init__(
        self,
        repository: SqlRepository,
        rulebook: Rulebook,
        *,
        owner: str,
        tenant: str,
        followers: Sequence[Follower] = (),
        vitals: Callable[[], Sequence[about.Vital]] = tuple,
        source: str = "urn:factbook",
        lease_seconds: float = 30.0,
    ) -> None:
        places = [Place(spec, *open_channel(spec)) for spec in rulebook.channels]
        self.judgement = Judgement(
            repository, Raising(repository, rulebook), followers, vitals, owner=owner, tenant=tenant, lease_seconds=lease_seconds
        )
        self.deliveries = [
            Delivery(repository, place, rulebook, owner=owner, source=source, lease_seconds=lease_seconds) for place in places
        ]

    def start(self) -> None:
        """Watch in threads of its own until :meth:`stop`."""
        self._enter()
        for part in (self.judgement, *self.deliveries):
            part.start()

    def stop(self) -> None:
        """End what is at hand and give the leases back."""
        for part in (self.judgement, *self.deliveries):
            part.ask_to_stop()
        for part in (self.judgement, *self.deliveries):
            part.stop()
        for delivery in self.deliveries:
            delivery.close()

    def run(self) -> None:
        """Watch until interrupted."""
        self.start()
        try:
            threading.Event().wait()
        finally:
            self.stop()

    def run_once(self) -> WatchReport:
        """Judge what the log holds by now and bring what was raised to every channel, or say what keeps it from doing so."""
        self._enter()
        try:
            seen = self.judgement.run_until_quiet()
            return WatchReport(seen, self.judgement.raising.stored, [_bring(delivery) for delivery in self.deliveries])
        finally:
            for delivery in self.deliveries:
                delivery.close()

    def try_out(self, channel: str) -> None:
        """Send a test message to a channel; raises what keeps it from being taken, or :class:`NotFound`."""
        for delivery in self.deliveries:
            if delivery.spec.name == channel:
                delivery.post([about.a_test(channel)])
                return
        names = ", ".join(delivery.spec.name for delivery in self.deliveries)
        raise NotFound(
            f"There is no channel {channel!r}", why=f"there are {names}", fix="Correct the name, or the rules file", field="channel"
        )

    def counters(self) -> dict[str, Counters]:
        """Return what this process has done, by channel."""
        return {delivery.spec.name: delivery.counters for delivery in self.deliveries}

    def _enter(self) -> None:
        # Before anything is judged: a channel that is new is told what is raised from here on.
        for delivery in self.deliveries:
            delivery.enter()


def _bring(delivery: Delivery) -> Sent:
    """Bring one channel what is due, trying a few times."""
    delivery.group_wait_seconds = 0.0
    failure = None
    for attempt in range(MIN_ATTEMPTS):
        try:
            failure = None if delivery.run_while_ours() else "another process serves it"
            break
        except (ChannelUnavailable, ChannelRefused) as error:
            failure = str(error)
            if attempt + 1 < MIN_ATTEMPTS:
                time.sleep(_ONCE_PAUSE_SECONDS)
    counters = delivery.counters
    return Sent(
        channel=delivery.spec.name, messages=counters.messages, alerts=counters.delivered, set_aside=counters.set_aside, failure=failure
    )
