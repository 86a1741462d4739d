import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.repository.stores import ADMISSION, bucket_of

from factbook.repository.files.store import FilesRepository
from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract


def opened(url):
    """Open a bucket; closing does not wait for thousands of record files, which the next opening would write."""
    repository = FilesRepository(bucket_of(url), ADMISSION, close_seconds=0.2)
    repository.open()
    return repository


class TestBucketRepository(RepositoryContract):
    @pytest.fixture
    def repository(self, s3_url):
        repository = opened(s3_url)
        yield repository
        repository.close()


def test_a_state_machine_finds_no_difference_to_memory(s3_url):
    numbers = iter(range(1_000_000))
    machine = repository_machine(lambda: opened(f"{s3_url}/{next(numbers)}"))
    quick = settings(max_examples=5, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quick)
