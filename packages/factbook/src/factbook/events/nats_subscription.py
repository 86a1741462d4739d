"""A durable pull consumer and the thread that serves it.

One process serves a name at a time: JetStream deals a consumer's messages out to whoever asks, and two processes would overtake each
other. Who holds the lease, a message that only its holder can replace, asks; it asks by ``fetch``, because what is pushed to a callback
may stop coming after the server restarted (https://github.com/nats-io/nats.py/issues/504).

Three times keep the order. A holder renews every fifth of the lease; what it leaves unsettled comes again after half of it; and another
takes over after the whole of it. So whoever takes over finds what was left behind due again, and JetStream hands that out first.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from factbook.errors import FactbookError
from factbook.events.contract import Delivery, Handler
from factbook.events.handing import Arrival, ThreadedSubscription, hand_out
from factbook.events.nats_connection import Connection, Streams, connect

if TYPE_CHECKING:
    from factbook.events.nats import NatsBus
    from factbook.events.urls import BusUrl

log = structlog.get_logger(__name__)

_FETCH_SECONDS = 0.5
_GATHER_SECONDS = 0.05
_FLUSH_SECONDS = 5
_RETRY_SECONDS = (0.2, 5.0)


class NatsSubscription(ThreadedSubscription):
    """Serves one name until it is closed, over as many connections as that takes."""

    def __init__(self, bus: NatsBus, place: BusUrl, streams: Streams, name: str, handler: Handler, delivery: Delivery) -> None:
        super().__init__(name, handler, delivery)
        self._bus = bus
        self._place = place
        self._streams = streams

    def _work(self) -> None:
        import nats.errors

        pause = _RETRY_SECONDS[0]
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except (nats.errors.Error, FactbookError, OSError, TimeoutError) as error:
                self._failure = str(error) or type(error).__name__
                log.warning("subscriber_interrupted", subscriber=self._name, reason=self._failure)
            pause = _RETRY_SECONDS[0] if time.monotonic() - began > _RETRY_SECONDS[1] else min(2 * pause, _RETRY_SECONDS[1])
            self._stopping.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def _serve(self) -> None:
        """Serve over one connection until we are stopped or something breaks."""
        holder = self._bus.run(_Holder.connect(self._place, self._streams, self._name, self._delivery))
        try:
            while not self._stopping.is_set() and not self._bus.run(holder.take_lease()):
                self._failure = "another process serves this name"
            while not self._stopping.is_set():
                messages = self._bus.run(holder.fetch())
                self._failure = None
                if messages:
                    self._settle(holder, messages)
        finally:
            self._bus.run(holder.close())

    def _settle(self, holder: _Holder, messages: Sequence[Any]) -> None:
        arrivals = [Arrival(message.data, message.metadata.num_delivered - 1) for message in messages]
        settled = hand_out(self._name, self._handler, arrivals, self._delivery, lambda seconds: not self._stopping.wait(seconds))
        self._bus.bury(settled.letters)
        self._bus.run(holder.settle(messages, settled.count))


class _Holder:
    """The asynchronous side of a subscription over one connection: its lease, its consumer, and what it is busy with."""

    def __init__(self, connection: Connection, streams: Streams, name: str, delivery: Delivery, consumer: Any) -> None:
        self._connection = connection
        self._streams = streams
        self._subject = f"{streams.lease_subject}.{name}"
        self._delivery = delivery
        self._consumer = consumer
        self._me = secrets.token_hex(8).encode()
        self._lease: int | None = None
        self._seen: tuple[int, float] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._busy_with: Sequence[Any] = ()
        self._next_delivery: int | None = None

    @classmethod
    async def connect(cls, place: BusUrl, streams: Streams, name: str, delivery: Delivery) -> _Holder:
        """Connect and make the durable consumer if it is missing."""
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        connection = await connect(place)
        try:
            await streams.make(connection.jetstream)
            config = ConsumerConfig(
                durable_name=name,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=delivery.lease_seconds / 2,
                max_ack_pending=delivery.batch,
                filter_subject=place.subject,
            )
            await connection.jetstream.add_consumer(streams.events, config)
            consumer = await connection.jetstream.pull_subscribe_bind(consumer=name, stream=streams.events)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, streams, name, delivery, consumer)

    async def take_lease(self) -> bool:
        """Try for a while to become the one who serves; a lease that did not move for its whole time, by our own clock, is free."""
        from nats.js.errors import NotFoundError

        try:
            held = await self._connection.jetstream.get_last_msg(self._streams.leases, self._subject)
            found, is_free = held.seq, not held.data
        except NotFoundError:
            found, is_free = 0, True
        now = time.monotonic()
        if self._seen is None or self._seen[0] != found:
            self._seen = (found, now)
        if is_free or now - self._seen[1] >= self._delivery.lease_seconds:
            if await self._replace_lease(found, self._me):
                self._keeper = asyncio.create_task(self._keep())
                return True
            self._seen = None
        await asyncio.sleep(self._delivery.lease_seconds / 20)
        return False

    async def fetch(self) -> list[Any]:
        """Return messages in the order of the stream; none after a while, or where one got lost on its way to us."""
        self._check()
        try:
            messages: list[Any] = await self._consumer.fetch(1, timeout=_FETCH_SECONDS)
        except TimeoutError:
            return []
        if self._delivery.batch > 1:
            # Not all at once: asked for more than there is, fetch would wait out its time for the rest.
            with suppress(asyncio.TimeoutError):
                messages += await self._consumer.fetch(self._delivery.batch - 1, timeout=_GATHER_SECONDS)
        first, last = (message.metadata.sequence.consumer for message in (messages[0], messages[-1]))
        if self._next_delivery not in (None, first) or last - first != len(messages) - 1:
            log.info("delivery_lost", subject=self._subject, expected=self._next_delivery, first=first, last=last, count=len(messages))
            self._next_delivery = None
            # Unsettled, all of them come again, and by then in the order of the stream.
            await asyncio.sleep(self._delivery.lease_seconds)
            return []
        self._next_delivery = last + 1
        self._busy_with = messages
        return messages

    async def settle(self, messages: Sequence[Any], count: int) -> None:
        """Acknowledge the first ``count`` messages and give the others back."""
        self._busy_with = ()
        self._check()
        for message in messages[:count]:
            await message.ack()
        for message in messages[count:]:
            await message.nak()
        await self._connection.client.flush(timeout=_FLUSH_SECONDS)

    async def close(self) -> None:
        """Give the lease back and disconnect."""
        import nats.errors

        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        try:
            if self._lease is not None and not self._connection.is_closed:
                await self._replace_lease(self._lease, b"")
        except (TimeoutError, nats.errors.Error, OSError):
            log.info("lease_not_given_back", subject=self._subject)
        await self._connection.close()

    def _check(self) -> None:
        if self._connection.is_closed or self._keeper is None or self._keeper.done():
            raise ConnectionError("the connection or the lease was lost")

    async def _keep(self) -> None:
        """Renew the lease and what we are busy with; ends when it is lost."""
        while self._lease is not None:
            await asyncio.sleep(self._delivery.lease_seconds / 5)
            if not await self._replace_lease(self._lease, self._me):
                return
            for message in self._busy_with:
                await message.in_progress()

    async def _replace_lease(self, seen: int, content: bytes) -> bool:
        """Write the lease if it is still the one we saw; JetStream lets only one of several through."""
        import nats.js.errors

        headers = {"Nats-Expected-Last-Subject-Sequence": str(seen)}
        try:
            accepted = await self._connection.jetstream.publish(self._subject, content, timeout=3, headers=headers)
        except nats.js.errors.BadRequestError:
            self._lease = None
            return False
        self._lease = accepted.seq
        return True
