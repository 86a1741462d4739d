"""Every verb answers as before, wherever bodies are: the contract suite and the state machine on stores compacted at random moments."""

import random
import threading

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy import MetaData, select, text
from tests.history.archiving import Archiving, bodies_left, compact, emptied, opened, rules
from tests.repository.stores import ADMISSION

from factbook.database.engine import Database
from factbook.demo import ensure_source
from factbook.errors import ArchiveUnavailable, ConfigurationError
from factbook.repository.archive.place import Folder
from factbook.repository.compaction import Compactor
from factbook.repository.urls import open_repository
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.filters import parse_condition
from factbook_sdk.testing.records import at, event, state, values
from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract

ORDERS = MetadataTarget("shop", "sales", "orders")


def archiving(url, folder):
    repository = Archiving(Database(url), ADMISSION, archive=Folder(folder))
    repository.open()
    return emptied(repository)


class TestCompactedSQLite(RepositoryContract):
    @pytest.fixture
    def repository(self, tmp_path):
        repository = archiving(f"sqlite:///{tmp_path}/store.sqlite", tmp_path / "archive")
        yield repository
        repository.close()


class TestCompactedPostgres(RepositoryContract):
    @pytest.fixture
    def repository(self, postgres_url, tmp_path):
        repository = archiving(postgres_url, tmp_path / "archive")
        yield repository
        repository.close()


def machine(make):
    class Compacted(repository_machine(make)):
        @rule(newest=st.integers(0, 2), file_records=st.sampled_from([2, 1000]))
        def compact(self, **options):
            compact(self.repository, **options)

    return Compacted


def test_a_state_machine_finds_no_difference_to_memory_on_sqlite(tmp_path):
    make = machine(lambda: emptied(opened(f"sqlite:///{tmp_path}/store.sqlite", tmp_path / "archive")))
    run_state_machine_as_test(make, settings=settings(max_examples=20, stateful_step_count=20))


def test_a_state_machine_finds_no_difference_to_memory_on_postgres(postgres_url, tmp_path):
    make = machine(lambda: emptied(opened(postgres_url, tmp_path / "archive")))
    run_state_machine_as_test(make, settings=settings(max_examples=10, stateful_step_count=15))


@pytest.fixture
def repository(tmp_path):
    repository = opened(f"sqlite:///{tmp_path}/store.sqlite", tmp_path / "archive")
    yield repository
    repository.close()


def test_pages_cross_the_seam_between_archived_and_live_records(repository):
    repository.bulk_store([event(number, number) for number in range(30)])
    assert compact(repository) == 30
    repository.bulk_store([event(number, number) for number in range(30, 50)])
    page = repository.history(MetadataTarget("shop"), "job_run", since=at(20), limit=20)
    assert values(page) == list(range(20, 40))
    assert bodies_left(repository) == 20
    found = repository.query("job_run", where=[parse_condition("payload.attempt>=25")], order="desc", limit=10)
    assert values(found.records) == list(range(49, 39, -1))


def test_storing_again_what_is_archived_is_a_duplicate_and_an_old_state_unchanged(repository):
    repository.bulk_store([event(1), state(1, 0), state(2, 5)])
    compact(repository)
    assert [answer.outcome for answer in repository.bulk_store([event(1), state(1, 0), state(1, 3), state(2, 9)]).results] == [
        "duplicate",
        "duplicate",
        "unchanged",
        "unchanged",
    ]


def test_the_newest_record_of_a_stream_can_stay_in_the_store(repository):
    repository.bulk_store([state(number, number) for number in range(5)])
    assert compact(repository, newest=1) == 4
    assert bodies_left(repository) == 1
    assert values([repository.latest(ORDERS, "table_observation")]) == [4]
    assert values([repository.latest(ORDERS, "table_observation", as_of=at(2))]) == [2]


def test_only_months_that_are_over_are_archived_and_latecomers_wait_for_company(repository):
    repository.bulk_store([event(number, number) for number in range(3)])
    february = 32 * 86_400
    repository.bulk_store([event(4, february)])
    compactor = Compactor(repository)
    middle_of_february = 1_770_000_000_000_000 + 10 * 86_400_000_000
    assert compactor.run(rules(repository, before=middle_of_february)).records == 3
    repository.bulk_store([event(number, number) for number in range(3, 6)])
    assert compactor.plan(rules(repository, before=middle_of_february)) == []


def test_months_reach_from_the_first_year_to_the_last(repository):
    first = at(0).replace(year=1, month=1, day=1, hour=0)
    last = at(0).replace(year=9999, month=12, day=31, hour=23)
    seconds = [(moment - at(0)).total_seconds() for moment in (first, last)]
    repository.bulk_store([event(number, second) for number, second in enumerate(seconds)])
    assert compact(repository) == 2
    assert values(repository.history(MetadataTarget("shop"), "job_run")) == [0, 1]


def tables(repository):
    """Return every row of every table that is no part of the log."""
    ours = {"records", "archive_files", "job_queue", "alembic_version"}
    with repository.reading() as connection:
        found = MetaData()
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")).scalars().all()
        found.reflect(connection, only=[name for name in names if name not in ours and "_fts" not in name and "search" not in name])
        return {name: sorted(map(repr, connection.execute(select(table)).all())) for name, table in found.tables.items()}


def test_views_rebuilt_over_an_archive_are_identical(tmp_path):
    from factbook.app import Factbook
    from factbook.settings import load_settings

    factbook = Factbook(load_settings({"DATA_DIR": str(tmp_path)}))
    ensure_source(tmp_path / "source_demo.sqlite")
    factbook.run_scan()
    before = tables(factbook.repository)
    assert compact(factbook.repository) > 10
    assert bodies_left(factbook.repository) == 0
    factbook.repository.rebuild()
    assert tables(factbook.repository) == before
    assert factbook.dictionary.page(limit=5).items
    factbook.close()


def test_a_missing_file_is_said_and_a_store_opened_without_its_archive_says_so(repository, tmp_path):
    repository.bulk_store([event(1)])
    compact(repository)
    blind = open_repository(f"sqlite:///{tmp_path}/store.sqlite", admission=ADMISSION)
    with pytest.raises(ConfigurationError, match="ARCHIVE_URL"):
        blind.tail()
    blind.close()
    for path in (tmp_path / "archive").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(ArchiveUnavailable, match="cannot be read"):
        repository.tail()


def test_huge_bodies_are_archived_in_small_files(repository, tmp_path):
    """Writing them all at once used to need more memory than DuckDB is given."""
    noise = random.Random(20260101)
    facts = [event(number, number) for number in range(8)]
    repository.bulk_store(
        msgspec.structs.replace(fact, payload=fact.payload | {"parameters": {"noise": noise.randbytes(1_500_000).hex()}}) for fact in facts
    )
    before = [repository.tail(after, limit=4) for after in (0, 4)]
    assert compact(repository) == 8
    assert len(list((tmp_path / "archive").rglob("*.parquet"))) > 1
    assert [repository.tail(after, limit=4) for after in (0, 4)] == before


def test_many_threads_read_the_archive_at_once(repository):
    repository.bulk_store([event(number, number) for number in range(200)])
    compact(repository)
    expected = repository.tail(limit=1000)
    wrong = []

    def read():
        for _ in range(5):
            if repository.tail(limit=1000) != expected:
                wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
