import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.repository.stores import open_empty

from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract


class TestSQLiteRepository(RepositoryContract):
    @pytest.fixture
    def repository(self, tmp_path):
        repository = open_empty(f"sqlite:///{tmp_path}/store.sqlite")
        yield repository
        repository.close()


def test_a_state_machine_finds_no_difference_to_memory(tmp_path):
    machine = repository_machine(lambda: open_empty(f"sqlite:///{tmp_path}/store.sqlite"))
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=20))
