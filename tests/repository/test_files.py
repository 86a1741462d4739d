import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.repository.stores import ADMISSION

from factbook.repository.urls import open_files
from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract


class TestFolderRepository(RepositoryContract):
    @pytest.fixture
    def repository(self, tmp_path):
        repository = open_files(f"file://{tmp_path}/facts", admission=ADMISSION)
        yield repository
        repository.close()


def test_a_state_machine_finds_no_difference_to_memory(tmp_path):
    folders = iter(range(1_000_000))
    machine = repository_machine(lambda: open_files(f"file://{tmp_path}/{next(folders)}", admission=ADMISSION))
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=20))
