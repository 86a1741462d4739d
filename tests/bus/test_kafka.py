import uuid
from contextlib import ExitStack, closing

import pytest
from confluent_kafka import Producer
from tests.jobs.conftest import open_store
from tests.relay.conftest import make_relay, some_records

from factbook.events import kafka
from factbook.events.testing import SECRET, BusContract
from factbook.events.urls import open_bus
from factbook.relay.following import follow
from factbook.relay.persist import Persist


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


def test_a_store_fed_over_kafka_has_the_same_records(brokers, tmp_path):
    url = f"kafka://{brokers}/?subject=test.{uuid.uuid4().hex}"
    with (
        closing(open_bus(url)) as bus,
        closing(open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")) as store,
        closing(open_store(f"sqlite:///{tmp_path / 'copy.sqlite'}")) as copy,
    ):
        store.bulk_store(some_records(700))
        assert make_relay(store, bus).run_to_the_end() == 700
        follow(bus, "persist", Persist(copy), once=True)
        assert everything_in(copy) == everything_in(store)


def everything_in(repository):
    return {item.id for item in repository.everything(0, 1000)[0]}
