"""The bus on NATS JetStream (https://docs.nats.io/nats-concepts/jetstream).

Events are in one stream on one subject, dead letters in a second, leases of subscribers in a third; missing ones are made. Of a key at most
one event is on its way at a time: what an election of a new leader swallows can then never be overtaken by what came behind it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import quote, unquote

from factbook.errors import BusUnavailable, InvalidRecord
from factbook.events.cloudevents import CONTENT_TYPE, Event, decode_event, encode_event
from factbook.events.contract import Bus, DeadLetter, Delivery, Handler, Subscription, check_subscriber
from factbook.events.nats_connection import Connection, Streams, connect
from factbook.events.nats_subscription import NatsSubscription

if TYPE_CHECKING:
    from factbook.events.urls import BusUrl

Result = TypeVar("Result")

_ACK_SECONDS = 5.0
_CALL_SECONDS = 30.0
_WAVE = 1000
_HEADER_BYTES = 4096
"""What is left of the server's largest message for headers."""


class NatsBus(Bus):
    """JetStream behind a synchronous face: everything asynchronous happens in one thread with a loop of its own."""

    keeps_events: ClassVar[bool] = True

    def __init__(self, place: BusUrl) -> None:
        self._place = place
        self._streams = Streams(place)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._starting = threading.Lock()
        self._publishing = threading.Lock()
        self._subscriptions: list[NatsSubscription] = []

    def max_event_bytes(self) -> int:
        return self._call(self._max_event_bytes())

    def publish(self, events: Sequence[Event]) -> None:
        with self._publishing:
            self._call(self._publish(events))

    def subscribe(self, name: str, handler: Handler, delivery: Delivery = Delivery()) -> Subscription:  # noqa: B008 - frozen
        subscription = NatsSubscription(self, self._place, self._streams, check_subscriber(name), handler, delivery)
        self._subscriptions.append(subscription)
        subscription.start()
        return subscription

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            self._call(self._send(self._place.dead, [(letter.body, _to_headers(letter)) for letter in letters]))

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        return [letter for _, letter in self._call(self._dead(limit))]

    def replay_dead_letters(self) -> int:
        count = 0
        while found := self._call(self._dead(_WAVE)):
            for number, letter in found:
                self._raise(letter)
                self._call(self._forget(number))
                count += 1
        return count

    def lag(self, name: str) -> int | None:
        return self._call(self._lag(check_subscriber(name)))

    def dead_count(self) -> int:
        return self._call(self._dead_count())

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        with self._starting:
            if self._loop is None or self._thread is None:
                return
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            asyncio.run_coroutine_threadsafe(self._end(), loop).result(_CALL_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def run(self, work: Coroutine[Any, Any, Result], timeout_seconds: float | None = _CALL_SECONDS) -> Result:
        """Run a coroutine in the bus's loop and wait for it; errors come as they are."""
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result(timeout_seconds)
        finally:
            future.cancel()

    def _call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine, whose parts are bounded in time. After a failure the connection is made anew: nothing half-sent lives on."""
        import nats.errors

        try:
            return self.run(work, None)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            self.run(self._drop())
            raise unavailable(self._place, error) from error

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
                self._thread.start()
            return self._loop

    async def _ready(self) -> Connection:
        if self._connection is None or self._connection.is_closed:
            connection = await connect(self._place)
            try:
                await self._streams.make(connection.jetstream)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _end(self) -> None:
        """Disconnect, and end what the client left running for connections that broke."""
        await self._drop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _max_event_bytes(self) -> int:
        return int((await self._ready()).client.max_payload) - _HEADER_BYTES

    async def _publish(self, events: Sequence[Event]) -> None:
        for wave in waves(events):
            messages = [(encode_event(event), {"Content-Type": CONTENT_TYPE, "Nats-Msg-Id": event.message_id}) for event in wave]
            await self._send(self._place.subject, messages)

    async def _send(self, subject: str, messages: Sequence[tuple[bytes, dict[str, str]]]) -> None:
        connection = await self._ready()
        acknowledged = [await connection.jetstream.publish_async(subject, body, headers=headers) for body, headers in messages]
        await connection.all_of(acknowledged, _ACK_SECONDS)

    async def _dead(self, limit: int) -> list[tuple[int, DeadLetter]]:
        import nats.js.errors

        jetstream = (await self._ready()).jetstream
        state = (await jetstream.stream_info(self._streams.dead)).state
        found: list[tuple[int, DeadLetter]] = []
        number = state.first_seq
        while state.messages and number <= state.last_seq and len(found) < limit:
            try:
                message = await jetstream.get_msg(self._streams.dead, number)
            except nats.js.errors.NotFoundError:
                number += 1  # replayed and forgotten
                continue
            found.append((number, _from_message(message)))
            number += 1
        return found

    def _raise(self, letter: DeadLetter) -> None:
        """Publish a letter's event again, under an id of its own: by its old one it would be taken for a repeat."""
        try:
            event = decode_event(letter.body)
        except InvalidRecord:
            return  # it never was an event
        message_id = f"{event.message_id}.dead.{letter.failed_at.isoformat()}"
        self._call(self._send(self._place.subject, [(letter.body, {"Content-Type": CONTENT_TYPE, "Nats-Msg-Id": message_id})]))

    async def _forget(self, number: int) -> None:
        await (await self._ready()).jetstream.delete_msg(self._streams.dead, number)

    async def _lag(self, name: str) -> int | None:
        import nats.js.errors

        jetstream = (await self._ready()).jetstream
        try:
            info = await jetstream.consumer_info(self._streams.events, name)
        except nats.js.errors.NotFoundError:
            return None
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def _dead_count(self) -> int:
        return int((await (await self._ready()).jetstream.stream_info(self._streams.dead)).state.messages)


def waves(events: Sequence[Event]) -> list[list[Event]]:
    """Return the events in groups to be sent one after the other; none holds a key twice, and per key the order stays."""
    found: list[list[Event]] = []
    seen: dict[str, int] = {}
    for event in events:
        place = seen.get(event.key, 0)
        while place < len(found) and len(found[place]) >= _WAVE:
            place += 1
        if place == len(found):
            found.append([])
        found[place].append(event)
        seen[event.key] = place + 1
    return found


def unavailable(place: BusUrl, error: BaseException) -> BusUnavailable:
    """Return an error of the client in our words."""
    why = str(error) or type(error).__name__
    return BusUnavailable(f"The bus at {place} does not answer", why=why, fix="Check that NATS runs there with JetStream, then try again")


def _to_headers(letter: DeadLetter) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE,
        "Factbook-Subscriber": letter.subscriber,
        "Factbook-Reason": quote(letter.reason, safe=" :,;()[]/'"),  # headers are ASCII
        "Factbook-Attempts": str(letter.attempts),
        "Factbook-Failed-At": letter.failed_at.isoformat(),
    }


def _from_message(message: Any) -> DeadLetter:
    headers = message.headers or {}
    return DeadLetter(
        subscriber=headers.get("Factbook-Subscriber", ""),
        reason=unquote(headers.get("Factbook-Reason", "")),
        attempts=int(headers.get("Factbook-Attempts", 0)),
        failed_at=datetime.fromisoformat(headers.get("Factbook-Failed-At", "1970-01-01T00:00:00+00:00")),
        body=message.data or b"",
    )
