"""Bring alerts to one channel: behind the place it has come to, many in one message, at least once.

A channel that does not answer is tried again with growing pauses, and gets afterwards what it missed. One that refuses a message gets it in
halves, until what it refuses is found. After ``give_up_after`` what still cannot be delivered is set aside, which is an alert itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from factbook.errors import ChannelRefused, ChannelUnavailable, FactbookError
from factbook.relay import LogFollower
from factbook.repository.sql import SqlRepository
from factbook.watch import about
from factbook.watch.channels.contract import SEVERITIES, Channel, Digest, Notice
from factbook.watch.channels.opening import Veil
from factbook.watch.notices import notice_of
from factbook.watch.rules import OWN_PREFIX, ChannelSpec, Rulebook, parse_duration
from factbook_sdk.repository.contract import StoredRecord

log = structlog.get_logger(__name__)

MIN_ATTEMPTS = 3
_MAX_REFUSED_SENDS = 16
"""Refusals in one attempt before we believe that it is the channel and not an alert: enough to find one among 500."""


class Counters(msgspec.Struct):
    """What this process has done: messages taken, alerts in them, attempts that failed, alerts set aside and alerts too old to be told."""

    messages: int = 0
    delivered: int = 0
    failures: int = 0
    set_aside: int = 0
    too_old: int = 0


class Place(msgspec.Struct, frozen=True):
    """Whose alerts a channel brings, and how: the spec, the channel, what hides its secrets."""

    spec: ChannelSpec
    channel: Channel
    veil: Veil


class Delivery(LogFollower):
    """Follows the ``alert`` facts of a channel's tenant. ``now`` is the clock by which age and patience are told."""

    def __init__(
        self,
        repository: SqlRepository,
        place: Place,
        rulebook: Rulebook,
        *,
        owner: str,
        source: str,
        lease_seconds: float = 30.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(repository, name=follower_name(place.spec.name), owner=owner, lease_seconds=lease_seconds)
        self.counters = Counters()
        self.spec = place.spec
        self._channel = place.channel
        self._veil = place.veil
        self._rulebook = rulebook
        self._source = source
        self._now = now
        self._tenant = place.spec.tenant or ""
        self._max_age = parse_duration(rulebook.max_age)
        self._patience = parse_duration(place.spec.give_up_after)
        self._attempts = 0
        self._is_down: bool | None = None
        self.group_wait_seconds = min(parse_duration(rulebook.group_wait).total_seconds(), lease_seconds / 3)

    def enter(self) -> None:
        """Make the channel known: it is told what is raised from now on."""
        self._subscriptions.enter(self.name, at_end=True)

    def close(self) -> None:
        """Release what the channel has open."""
        self._channel.close()

    def _read(self, after_offset: int, limit: int) -> tuple[list[StoredRecord], int]:
        page = self._repository.tail(after_offset, kinds=["alert"], tenant=self._tenant, limit=limit)
        if page.records and self.group_wait_seconds and len(page.records) < limit:
            # What is found together is told together: a scan stores its facts in more than one commit.
            self._stopping.wait(self.group_wait_seconds)
            page = self._repository.tail(after_offset, kinds=["alert"], tenant=self._tenant, limit=limit)
        return page.records, page.next_offset

    def _handle(self, batch: Sequence[StoredRecord], replays: int) -> None:
        oldest = self._now() - self._max_age
        due = [item for item in batch if self._is_for_us(item)]
        fresh = [item for item in due if replays or item.record.produced_at >= oldest]
        if len(fresh) < len(due):
            self.counters.too_old += len(due) - len(fresh)
            log.info("alerts_too_old_to_tell", channel=self.spec.name, count=len(due) - len(fresh))
        if fresh:
            self._deliver(fresh)

    def _is_for_us(self, item: StoredRecord) -> bool:
        return item.record.payload is not None and is_due(self._rulebook, self.spec, notice_of(item))

    def _deliver(self, items: Sequence[StoredRecord]) -> None:
        attempt = _Attempt(self)
        try:
            attempt.send(items)
        except ChannelUnavailable as error:
            self._give_up_or_raise(items, error)
            return
        if attempt.refusal is not None and not attempt.taken:
            self._give_up_or_raise(items, attempt.refusal)
            return
        if attempt.refusal is not None:
            self._set_aside(attempt.refused, attempt.refusal)
        self._is_well()

    def post(self, notices: Sequence[Notice]) -> None:
        """Send one message, in whose errors no secret is left."""
        digest = Digest(channel=self.spec.name, tenant=self._tenant, source=self._source, alerts=notices)
        try:
            self._channel.send(digest)
        except (ChannelUnavailable, ChannelRefused) as error:
            raise self._veiled(error) from None
        except Exception as error:  # noqa: BLE001 - a channel may be foreign code; what it says may quote what it was given
            raise ChannelUnavailable(f"The channel {self.spec.name} failed", why=type(error).__name__) from None
        self.counters.messages += 1
        self.counters.delivered += len(notices)

    def _veiled(self, error: ChannelUnavailable | ChannelRefused) -> FactbookError:
        what, why, fix = f"{self.spec.name}: {self._veil.over(error.what)}", self._veil.over(error.why), self._veil.over(error.fix)
        if isinstance(error, ChannelUnavailable):
            return ChannelUnavailable(what, why=why, fix=fix, retry_after_seconds=error.retry_after_seconds)
        return ChannelRefused(what, why=why, fix=fix)

    def _give_up_or_raise(self, items: Sequence[StoredRecord], error: FactbookError) -> None:
        """Raise, so that it is tried again, unless that has gone on for long enough."""
        self._attempts += 1
        self.counters.failures += 1
        since = self._down_since(str(error))
        if self._attempts < MIN_ATTEMPTS or self._now() - since < self._patience:
            raise error
        self._set_aside(items, error)

    def _down_since(self, reason: str) -> datetime:
        """Return since when the channel takes nothing. The alert that says so remembers it, over restarts as well."""
        self._is_down = True
        producer_id = f"{about.DELIVERY}.{self.spec.name}"
        known = about.in_force(self._repository, producer_id, self._tenant)
        if known is not None:
            return about.since_of(known)
        since = self._now()
        about.say(self._repository, about.channel_is_down(self.spec.name, reason, since), producer_id=producer_id, tenant=self._tenant)
        return since

    def _is_well(self) -> None:
        self._attempts = 0
        producer_id = f"{about.DELIVERY}.{self.spec.name}"
        if self._is_down is not False and about.in_force(self._repository, producer_id, self._tenant) is not None:
            about.say(self._repository, about.channel_is_well(self.spec.name), producer_id=producer_id, tenant=self._tenant)
        self._is_down = False

    def _set_aside(self, items: Sequence[StoredRecord], error: FactbookError) -> None:
        """Say which alerts will not be delivered; not of those about the watching itself, or two channels could go on for ever."""
        self.counters.set_aside += len(items)
        log.error("alerts_set_aside", channel=self.spec.name, count=len(items), first_offset=items[0].offset, reason=str(error))
        others = [item for item in items if not (item.record.payload or {})["rule"].startswith(OWN_PREFIX)]
        if others:
            said = about.set_aside(self.spec.name, [item.id for item in others], others[0].offset, str(error))
            about.say(self._repository, said, producer_id=f"{about.SET_ASIDE}.{self.spec.name}", tenant=self._tenant)


class _Attempt:
    """One attempt to deliver a batch: whole, and in halves where that is refused."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._sends = 0
        self.taken = 0
        self.refused: list[StoredRecord] = []
        self.refusal: FactbookError | None = None

    def send(self, items: Sequence[StoredRecord]) -> None:
        """Send; raises :class:`ChannelUnavailable` as soon as the channel is not there."""
        if not items or (not self.taken and self._sends >= _MAX_REFUSED_SENDS):
            return
        self._sends += 1
        try:
            self._delivery.post([notice_of(item) for item in items])
        except ChannelRefused as error:
            self.refusal = error
            if len(items) == 1:
                self.refused.extend(items)
                return
            half = len(items) // 2
            self.send(items[:half])
            self.send(items[half:])
        else:
            self.taken += len(items)


def is_due(rulebook: Rulebook, spec: ChannelSpec, notice: Notice) -> bool:
    """Return whether a channel is to be told of an alert in a state; it is not told of itself."""
    if notice.state not in spec.states:
        return False
    if SEVERITIES.index(notice.severity) < SEVERITIES.index(spec.severity) and notice.state != "resolved":
        return False
    is_about_it = notice.rule.startswith(OWN_PREFIX) and notice.labels.get("channel") == spec.name
    return not is_about_it and rulebook.reaches(notice.rule, spec.name)


def follower_name(channel: str) -> str:
    """Return the name that a channel's place is remembered by."""
    return f"watch:{channel}"
