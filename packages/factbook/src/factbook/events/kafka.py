"""The bus on Kafka, through librdkafka.

The producer is idempotent and waits for all replicas; the key of a message is the event's key, so a target's events share a partition and
their order. A consumer commits what is settled. Kafka cannot take a single message out of a topic: which dead letters were replayed is kept
as the committed place of a group of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import structlog

from factbook.errors import BusUnavailable, InvalidRecord
from factbook.events.cloudevents import CONTENT_TYPE, Event, decode_event, encode_event
from factbook.events.contract import Bus, DeadLetter, Delivery, Handler, Subscription, check_subscriber
from factbook.events.handing import Arrival, ThreadedSubscription, hand_out

if TYPE_CHECKING:
    from factbook.events.urls import BusUrl

log = structlog.get_logger(__name__)

_ACCEPT_SECONDS = 15.0
_CALL_SECONDS = 10.0
_POLL_SECONDS = 0.5
_LEAST_SESSION_SECONDS = 6.0
"""Brokers refuse shorter ones, unless told otherwise."""

_MAX_EVENT_BYTES = 1_000_000 - 4096
"""Brokers take messages of 1,048,588 bytes unless told otherwise, and librdkafka of 1,000,000; some is left for headers."""

_UNDERTAKER = "dead.letters"  # no subscriber can have this name: it holds a dot


class KafkaBus(Bus):
    """Topics named like the subjects; a missing one is made."""

    keeps_events: ClassVar[bool] = True

    def __init__(self, place: BusUrl) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._publishing = threading.Lock()
        self._producer: Any = None
        self._topics: set[str] = set()
        self._subscriptions: list[_KafkaSubscription] = []

    def max_event_bytes(self) -> int:
        return _MAX_EVENT_BYTES

    def publish(self, events: Sequence[Event]) -> None:
        self._produce(self._place.subject, [(event.key, encode_event(event), {"content-type": CONTENT_TYPE}) for event in events])

    def subscribe(self, name: str, handler: Handler, delivery: Delivery = Delivery()) -> Subscription:  # noqa: B008 - frozen
        subscription = _KafkaSubscription(self, self._place.subject, check_subscriber(name), handler, delivery)
        self._subscriptions.append(subscription)
        subscription.start()
        return subscription

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self._produce(self._place.dead, [(letter.subscriber, letter.body, _to_headers(letter)) for letter in letters])

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        with self._dead_consumer() as consumer:
            return [_from_message(message) for message in self._read_dead(consumer, limit)]

    def replay_dead_letters(self) -> int:
        with self._dead_consumer() as consumer:
            messages = self._read_dead(consumer, None)
            letters = [_from_message(message) for message in messages]
            events = [event for letter in letters if (event := _event_in(letter)) is not None]
            self.publish(events)
            if messages:
                self._translated(lambda: consumer.commit(offsets=_after(messages), asynchronous=False))
        return len(letters)

    def lag(self, name: str) -> int | None:
        with self.consumer(check_subscriber(name)) as consumer:
            places = self._translated(lambda: self._places(consumer, self._place.subject))
            if all(place.offset < 0 for place, _, _ in places):
                return None
            return _waiting(places)

    def dead_count(self) -> int:
        with self._dead_consumer() as consumer:
            places = self._translated(lambda: self._places(consumer, self._place.dead))
            return _waiting(places)

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        with self._publishing:
            if self._producer is not None:
                self._producer.flush(_CALL_SECONDS)
                self._producer = None

    def consumer(self, name: str, *, session_seconds: float = _LEAST_SESSION_SECONDS) -> Any:
        """Return a consumer of a subscriber's group, which it leaves when its ``with`` block ends."""
        settings = client_settings(self._place) | {
            "group.id": f"{self._place.subject}.{name}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": round(max(session_seconds, _LEAST_SESSION_SECONDS) * 1000),
        }
        return _kafka().Consumer(settings)

    def make_topic(self, topic: str) -> None:
        """Make a topic if there is none of that name; where brokers make topics by themselves, asking for it is enough."""
        kafka = _kafka()

        with self._lock:
            if topic in self._topics:
                return
            client = kafka.admin.AdminClient(client_settings(self._place))
            if client.list_topics(topic, timeout=_CALL_SECONDS).topics[topic].error is not None:
                made = client.create_topics([kafka.admin.NewTopic(topic, self._place.partitions, self._place.replicas)])[topic]
                try:
                    made.result(_CALL_SECONDS)
                except kafka.KafkaException as error:
                    if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                        raise
            self._topics.add(topic)

    def unavailable(self, why: object) -> BusUnavailable:
        """Return the error that says so."""
        return BusUnavailable(f"The bus at {self._place} does not answer", why=str(why), fix="Check that Kafka runs there, then try again")

    def _produce(self, topic: str, messages: Sequence[tuple[str, bytes, dict[str, str]]]) -> None:
        if not messages:
            return
        failures: list[str] = []

        def on_delivery(error: Any, _message: Any) -> None:
            if error is not None:
                failures.append(error.str())

        self._translated(lambda: self.make_topic(topic))
        with self._publishing:
            producer = self._ready()
            # What an earlier call gave up on is still on its way; sent before it, a later event of its key would overtake it.
            if producer.flush(_ACCEPT_SECONDS):
                raise self.unavailable(f"not everything was accepted within {_ACCEPT_SECONDS:g} s")
            for key, body, headers in messages:
                self._translated(lambda: producer.produce(topic, body, key, headers=list(headers.items()), on_delivery=on_delivery))  # noqa: B023
                producer.poll(0)
            left = producer.flush(_ACCEPT_SECONDS)
            if failures:
                self._producer = None
            if left or failures:
                raise self.unavailable(failures[0] if failures else f"not everything was accepted within {_ACCEPT_SECONDS:g} s")

    def _ready(self) -> Any:
        if self._producer is None:
            # A message's time has no end: one that was given up could be overtaken by the next of its key.
            settings = {"enable.idempotence": True, "acks": "all", "linger.ms": 5, "message.timeout.ms": 0, "compression.type": "lz4"}
            self._producer = _kafka().Producer(client_settings(self._place) | settings)
        return self._producer

    def _dead_consumer(self) -> Any:
        return self.consumer(_UNDERTAKER)

    def _read_dead(self, consumer: Any, limit: int | None) -> list[Any]:
        places = self._translated(lambda: self._places(consumer, self._place.dead))
        expected = _waiting(places)
        for place, low, _ in places:
            place.offset = max(place.offset, low)
        consumer.assign([place for place, _, _ in places])
        found: list[Any] = []
        wanted = expected if limit is None else min(limit, expected)
        deadline = time.monotonic() + _CALL_SECONDS
        while len(found) < wanted and time.monotonic() < deadline:
            found += [message for message in consumer.consume(wanted - len(found), _POLL_SECONDS) if message.error() is None]
        if len(found) < wanted:
            raise self.unavailable(f"{wanted - len(found)} dead letters did not come within {_CALL_SECONDS:g} s")
        return found

    def _places(self, consumer: Any, topic: str) -> list[tuple[Any, int, int]]:
        """Return for each partition the group's committed place, and where the partition begins and ends."""
        self.make_topic(topic)
        kafka = _kafka()
        partitions = consumer.list_topics(topic, timeout=_CALL_SECONDS).topics[topic].partitions
        committed = consumer.committed([kafka.TopicPartition(topic, number) for number in partitions], timeout=_CALL_SECONDS)
        return [(place, *consumer.get_watermark_offsets(place, timeout=_CALL_SECONDS)) for place in committed]

    def _translated(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (_kafka().KafkaException, BufferError, TimeoutError) as error:
            cause = error.args[0] if error.args else error
            raise self.unavailable(cause.str() if hasattr(cause, "str") else cause) from error


class _KafkaSubscription(ThreadedSubscription):
    def __init__(self, bus: KafkaBus, topic: str, name: str, handler: Handler, delivery: Delivery) -> None:
        super().__init__(name, handler, delivery)
        self._bus = bus
        self._topic = topic

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except (_kafka().KafkaException, BusUnavailable, OSError) as error:  # OSError: a timeout of the client's is one
                self._failure = str(error)
                log.warning("subscriber_interrupted", subscriber=self._name, reason=self._failure)
                self._stopping.wait(_POLL_SECONDS)

    def _serve(self) -> None:
        with self._bus.consumer(self._name, session_seconds=self._delivery.lease_seconds) as consumer:
            self._bus.make_topic(self._topic)
            consumer.subscribe([self._topic])
            while not self._stopping.is_set():
                messages = consumer.consume(self._delivery.batch, _POLL_SECONDS)
                for message in messages:
                    if message.error() is not None:
                        raise self._bus.unavailable(message.error().str())
                self._failure = None
                if messages:
                    self._settle(consumer, messages)

    def _settle(self, consumer: Any, messages: Sequence[Any]) -> None:
        arrivals = [Arrival(message.value() or b"") for message in messages]
        settled = hand_out(self._name, self._handler, arrivals, self._delivery, lambda seconds: not self._stopping.wait(seconds))
        self._bus.bury(settled.letters)
        if settled.count:
            consumer.commit(offsets=_after(messages[: settled.count]), asynchronous=False)


def client_settings(place: BusUrl) -> dict[str, Any]:
    """Return what every client of a cluster is told; a user means SASL/PLAIN."""
    settings: dict[str, Any] = {"bootstrap.servers": ",".join(place.hosts), "logger": _Quiet()}
    if place.tls:
        settings["security.protocol"] = "SSL"
    if place.user:
        settings |= {
            "security.protocol": "SASL_SSL" if place.tls else "SASL_PLAINTEXT",
            "sasl.mechanisms": "PLAIN",
            "sasl.username": place.user,
            "sasl.password": place.password,
        }
    return settings


class _Quiet:
    """Takes librdkafka's log lines, which come by themselves on standard error, into ours."""

    def log(self, _level: int, text: str, *arguments: Any) -> None:
        log.debug("kafka", text=text % arguments if arguments else text)


def _kafka() -> Any:
    import confluent_kafka.admin

    return confluent_kafka


def _waiting(places: Sequence[tuple[Any, int, int]]) -> int:
    """Return how many messages lie behind the committed places."""
    return sum(int(high - max(place.offset, low)) for place, low, high in places)


def _after(messages: Sequence[Any]) -> list[Any]:
    """Return the places behind the last message of each partition."""
    last = {message.partition(): message for message in messages}
    return [_kafka().TopicPartition(message.topic(), number, message.offset() + 1) for number, message in last.items()]


def _event_in(letter: DeadLetter) -> Event | None:
    try:
        return decode_event(letter.body)
    except InvalidRecord:
        return None  # it never was an event


def _to_headers(letter: DeadLetter) -> dict[str, str]:
    return {
        "content-type": CONTENT_TYPE,
        "factbook-subscriber": letter.subscriber,
        "factbook-reason": letter.reason,
        "factbook-attempts": str(letter.attempts),
        "factbook-failed-at": letter.failed_at.isoformat(),
    }


def _from_message(message: Any) -> DeadLetter:
    headers = {name: value.decode() for name, value in message.headers() or ()}
    return DeadLetter(
        subscriber=headers.get("factbook-subscriber", ""),
        reason=headers.get("factbook-reason", ""),
        attempts=int(headers.get("factbook-attempts", 0)),
        failed_at=datetime.fromisoformat(headers.get("factbook-failed-at", "1970-01-01T00:00:00+00:00")),
        body=message.value() or b"",
    )
