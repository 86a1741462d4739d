import pytest

from factbook.events.inprocess import InProcessBus
from factbook.events.testing import BusContract


class TestInProcessBus(BusContract):
    @pytest.fixture
    def connect(self):
        bus = InProcessBus()
        yield lambda: bus
        bus.close()
