import pytest

from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.repository_suite import RepositoryContract


class TestMemoryRepository(RepositoryContract):
    @pytest.fixture
    def repository(self):
        return MemoryRepository()
