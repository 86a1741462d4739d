"""The remote repository against a real server on a real socket, over both of our databases."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.testing import capture_logs
from tests.repository.stores import open_empty

from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.settings import load_settings
from factbook_sdk.errors import InvalidRequest
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, Outcome, Rejection
from factbook_sdk.repository.filters import Condition, Operator
from factbook_sdk.repository.remote import RemoteRepository
from factbook_sdk.testing.records import event, state, values
from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract

KEY = "the-key-of-the-tests"

MakeRepository = Callable[..., RemoteRepository]


@contextmanager
def served(store_url: str, folder: Path, **chosen: Any) -> Iterator[MakeRepository]:
    """Serve a store; give a function that empties it and returns a remote repository of it."""
    # The key serves every tenant. Its deeds are not noted, because the suite counts what is in the log.
    house = Factbook(load_settings({}, data_dir=str(folder), meta_db_url=store_url, api_key=KEY, audit_writes=False, **chosen))
    server = uvicorn.Server(uvicorn.Config(create_app(house), log_config=None, timeout_graceful_shutdown=5))
    # Named as TCP, because asyncio switches Nagle's delay off only then; listening, so that connections wait until the server is up.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    replaced: list[MetadataRepository] = []

    def make(**options: Any) -> RemoteRepository:
        # A store remembers what it gave numbers to, so that an emptied one must be opened anew.
        house.repository.close()
        replaced.append(house.repository)
        house.repository = open_empty(store_url)
        return RemoteRepository(url, token=KEY, **options)

    with capture_logs():
        try:
            with closing(RemoteRepository(url, token=KEY)) as repository:
                repository.tail()
            yield make
        finally:
            server.should_exit = True
            thread.join()
            # A long poll that was still under way may have opened a connection once more.
            for old in replaced:
                old.close()


@pytest.fixture(scope="module")
def over_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeRepository]:
    folder = tmp_path_factory.mktemp("served")
    with served(f"sqlite:///{folder}/store.sqlite", folder) as make:
        yield make


@pytest.fixture(scope="module")
def over_postgres(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[MakeRepository]:
    with served(postgres_url, tmp_path_factory.mktemp("served")) as make:
        yield make


class TestRemoteOverSQLite(RepositoryContract):
    @pytest.fixture
    def repository(self, over_sqlite: MakeRepository) -> Iterator[MetadataRepository]:
        repository = over_sqlite()
        yield repository
        repository.close()


class TestRemoteOverPostgres(RepositoryContract):
    @pytest.fixture
    def repository(self, over_postgres: MakeRepository) -> Iterator[MetadataRepository]:
        repository = over_postgres()
        yield repository
        repository.close()


@pytest.mark.parametrize("store", ["over_sqlite", "over_postgres"])
def test_a_state_machine_finds_no_difference_to_memory(request: pytest.FixtureRequest, store: str) -> None:
    machine = repository_machine(request.getfixturevalue(store))
    run_state_machine_as_test(machine, settings=settings(max_examples=20, stateful_step_count=20))


def test_a_body_that_is_too_large_goes_in_parts(tmp_path: Path) -> None:
    with served(f"sqlite:///{tmp_path}/store.sqlite", tmp_path, max_body_bytes=2_000) as make, closing(make()) as repository:
        large = event(50, extras={"note": "x" * 3_000})
        report = repository.bulk_store([*(event(number) for number in range(50)), large, *(event(number) for number in range(51, 99))])
        assert report.counts == {"stored": 98, "duplicate": 0, "unchanged": 0, "rejected": 1}
        [rejection] = report.rejections
        assert (rejection.index, "MAX_BODY_BYTES" in rejection.reason) == (50, True)
        with pytest.raises(InvalidRequest, match="too large"):
            repository.bulk_store((event(number) for number in range(99)), atomic=True)
        assert len(repository.tail().records) == 98


def test_packed_bodies_arrive_as_they_were(over_sqlite: MakeRepository) -> None:
    with closing(over_sqlite(compress=True)) as repository:
        assert repository.bulk_store(event(number) for number in range(6_000)).count(Outcome.STORED) == 6_000
        assert values(repository.query("job_run", limit=3).records) == [0, 1, 2]


def test_what_json_cannot_carry_is_refused_with_its_place_and_the_rest_is_stored(over_sqlite: MakeRepository) -> None:
    with closing(over_sqlite()) as repository:
        report = repository.bulk_store([event(1), event(2, extras={"share": float("nan")}), event(3), event(-1)])
        assert [isinstance(result, Rejection) for result in report.results] == [False, True, False, True]
        assert [(item.index, item.field) for item in report.rejections] == [(1, "extras.share"), (3, "payload.attempt")]
        with pytest.raises(InvalidRequest, match="Record 1"):
            repository.bulk_store([event(4), event(5, extras={"share": float("nan")})], atomic=True)
        assert values(repository.tail().records) == [1, 3]


def test_the_default_tenant_may_have_another_name_over_there(over_sqlite: MakeRepository) -> None:
    with closing(over_sqlite(tenant="acme")) as repository, closing(over_sqlite()) as plain:
        repository.store(event(1))
        repository.store(event(2, tenant="mill"))
        assert values(plain.tail(tenant="acme").records) == values(repository.tail().records) == [1]
        found = repository.latest(MetadataTarget("shop"), "job_run")
        assert found is not None
        assert found.record.context.tenant == "acme"
        assert values(repository.tail(tenant="mill").records) == [2]
        assert plain.tail().records == []


def test_every_condition_and_every_name_passes_through(over_sqlite: MakeRepository) -> None:
    with closing(over_sqlite()) as repository:
        odd = 'a,b" in \n[1]'
        repository.bulk_store([event(1, extras={"name": odd, "list": [1, "2"]}), event(2)])
        for condition in (
            Condition("extras.name", Operator.IN, [odd, 7]),
            Condition("extras.name", Operator.EQ, odd),
            Condition("extras.name", Operator.LIKE, "a,b%"),
            Condition("extras.list", Operator.EQ, [1, "2"]),
            Condition("extras.name", Operator.EXISTS),
        ):
            assert values(repository.query("job_run", where=[condition]).records) == [1], condition


def test_more_targets_than_one_question_holds_are_asked_for_in_parts(over_sqlite: MakeRepository) -> None:
    with closing(over_sqlite()) as repository:
        repository.bulk_store([state(1, table="first"), state(2, table="last")])
        targets = [MetadataTarget("shop", "sales", name) for name in ("first", *(f"t{number}" for number in range(10_500)), "last")]
        assert {target.table for target in repository.latest_many(targets, "table_observation")} == {"first", "last"}
