import uuid
from contextlib import ExitStack, closing

import pytest
from confluent_kafka import Producer

from factbook.events import kafka
from factbook.events.testing import SECRET, BusContract
from factbook.events.urls import open_bus


@pytest.fixture(scope="module")
def brokers():
    """Give the addresses of three brokers that librdkafka plays."""
    cluster = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 3, "log_level": 0})
    known = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in known)
    cluster.flush()


class TestKafkaBus(BusContract):
    @pytest.fixture
    def connect(self, brokers):
        url = f"kafka://{brokers}/?subject=test.{uuid.uuid4().hex}"
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_bus(url)))

    @pytest.fixture
    def unreachable(self, monkeypatch):
        monkeypatch.setattr(kafka, "_CALL_SECONDS", 1.0)
        return open_bus(f"kafka://reader:{SECRET}@127.0.0.1:9")
