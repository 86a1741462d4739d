import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract

ADMISSION = Admission(builtin_kinds())


class TestSQLiteRepository(RepositoryContract):
    @pytest.fixture
    def repository(self, tmp_path):
        repository = open_repository(f"sqlite:///{tmp_path}/store.sqlite", admission=ADMISSION)
        yield repository
        repository.close()


def _open_new():
    folder = Path(tempfile.mkdtemp())
    return open_repository(f"sqlite:///{folder}/store.sqlite", admission=ADMISSION)


TestSQLiteMachine = repository_machine(_open_new).TestCase
TestSQLiteMachine.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
