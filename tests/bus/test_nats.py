import asyncio
import threading
import uuid
from contextlib import ExitStack, closing

import nats
import pytest
from tests.relay.conftest import forget_streams

from factbook.errors import TemporaryError
from factbook.events.contract import Delivery
from factbook.events.testing import QUICK, SECRET, BusContract, Collector, an_event, eventually
from factbook.events.urls import open_bus


@pytest.fixture
def subject(nats_url):
    name = f"test.{uuid.uuid4().hex}"
    yield name
    forget_streams(nats_url, name)


@pytest.fixture
def connect(nats_url, subject):
    """Give a function that opens the test's own subject; what it opened is closed at the end."""
    url = f"{nats_url}/?subject={subject}&max_bytes=67108864"
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(open_bus(url)))


class TestNatsBus(BusContract):
    @pytest.fixture
    def unreachable(self):
        return open_bus(f"nats://reader:{SECRET}@127.0.0.1:9")


def stream_messages(nats_url, subject):
    """Return how many messages the stream of a subject holds, and its configuration."""

    async def ask():
        client = await nats.connect(nats_url)
        info = await client.jetstream().stream_info(subject.replace(".", "-"))
        await client.close()
        return info.state.messages, info.config

    return asyncio.run(ask())


def test_a_repeat_is_suppressed_and_a_replay_is_not(connect, nats_url, subject):
    bus = connect()
    events = [an_event(number) for number in range(10)]
    bus.publish(events)
    bus.publish(events)
    assert stream_messages(nats_url, subject)[0] == 10
    bus.publish([type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"replay": 1}) for event in events])
    assert stream_messages(nats_url, subject)[0] == 20


def test_the_stream_has_the_limits_that_the_url_states(connect, nats_url, subject):
    connect().publish([an_event(1)])
    config = stream_messages(nats_url, subject)[1]
    assert (config.subjects, config.max_bytes, config.max_age, config.duplicate_window) == ([subject], 67108864, 7 * 86400, 120)


def test_a_stream_that_somebody_deleted_is_made_again(connect, nats_url, subject):
    bus, got = connect(), Collector()
    bus.publish([an_event(1)])
    forget_streams(nats_url, subject)
    bus.subscribe("one", got, QUICK)
    eventually(lambda: bus.lag("one") == 0)
    bus.publish([an_event(2)])
    eventually(lambda: [event.offset for event in got.events] == ["2"])


def test_a_subscriber_may_come_back_with_another_delivery(connect):
    bus, got = connect(), Collector()
    bus.subscribe("one", got, QUICK).close()
    bus.publish([an_event(1)])
    bus.subscribe("one", got, Delivery(batch=7, lease_seconds=3.0))
    eventually(lambda: len(got.events) == 1)


def test_a_process_that_is_stopped_in_the_middle_of_a_batch_gives_back_what_it_has_not_begun(connect):
    begun = threading.Event()

    def fail(events):
        begun.set()
        raise TemporaryError("the store is away")

    bus, got = connect(), Collector()
    patient = Delivery(lease_seconds=2.0, backoff_seconds=60, max_backoff_seconds=60)
    first = bus.subscribe("one", Collector(fail), patient)
    sent = [an_event(number) for number in range(20)]
    bus.publish(sent)
    assert begun.wait(30)
    first.close()
    bus.subscribe("one", got, QUICK)
    eventually(lambda: len(got.ids) == 20)
    assert got.firsts(sent[0].key) == [event.id for event in sent]
