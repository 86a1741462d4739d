import uuid
from contextlib import ExitStack, closing

import pytest

from factbook.events.testing import SECRET, BusContract
from factbook.events.urls import open_bus


class TestNatsBus(BusContract):
    @pytest.fixture
    def connect(self, nats_url):
        url = f"{nats_url}/?subject=test.{uuid.uuid4().hex}&max_bytes=67108864"
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_bus(url)))

    @pytest.fixture
    def unreachable(self):
        return open_bus(f"nats://reader:{SECRET}@127.0.0.1:9")
