"""What is dropped is gone; what is kept answers as before, at every moment that is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.archiving import compact, emptied, files_in, manifest_paths, opened, rules

from factbook.errors import Cancelled
from factbook.repository import dropping
from factbook.repository.compaction import Compactor
from factbook.repository.dropping import Drop, all_channels, count_due, drop_due
from factbook.repository.indexing import IndexProjection
from factbook.repository.rows import microseconds
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataTarget, builtin_kinds
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.ingestion_volume import IngestionVolume
from factbook_sdk.repository.filters import parse_condition
from factbook_sdk.testing.records import at, event, state, values

TABLES = ["orders", "lines"]
TARGETS = [MetadataTarget("shop", "sales", table) for table in TABLES]
STATES = st.builds(
    state,
    st.sampled_from([None, 1, 2, 3]),
    st.integers(0, 12),
    table=st.sampled_from(TABLES),
    producer_id=st.sampled_from(["scan.v1", "person.v1"]),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def drop(repository: SqlRepository, kind: str, *, before: float | None = None, newest: int = 0) -> int:
    """Drop and return how many records went; counted beforehand they are as many."""
    with repository.reading() as connection:
        channel = next((each for each in all_channels(connection) if each.kind == kind), None)
    if channel is None:
        return 0
    until = None if before is None else microseconds(at(before))
    due = Drop(channel.channel_no, channel.tenant, kind, until, newest, keeps_state=kind == "table_observation")
    counted = count_due(repository, due)
    assert drop_due(repository, due).records == counted
    return counted


@settings(max_examples=25)
@given(batch=st.lists(STATES, max_size=25), before=st.integers(0, 13), archived=st.booleans(), newest=st.sampled_from([0, 0, 2]))
def test_inside_the_window_as_of_answers_as_before(
    tmp_path_factory: pytest.TempPathFactory, batch: list[object], before: int, archived: bool, newest: int
) -> None:
    folder = tmp_path_factory.mktemp("drop")
    repository = opened(f"sqlite:///{folder}/store.sqlite", folder / "archive")
    repository.bulk_store(batch)  # type: ignore[arg-type]

    def answers() -> list[object]:
        moments = [at(second) for second in range(before, 14)]
        found: list[object] = [dict(repository.latest_many(TARGETS, "table_observation", as_of=moment)) for moment in moments]
        for producer_id in ("scan.v1", "person.v1"):
            found += [
                repository.latest(target, "table_observation", producer_id=producer_id, as_of=m) for target in TARGETS for m in moments
            ]
        return [*found, *(repository.history(target, "table_observation", since=at(before)) for target in TARGETS)]

    expected = answers()
    kept = {item.id for item in repository.tail(limit=1000).records if item.record.produced_at >= at(before)}
    if archived:
        compact(repository)
    drop(repository, "table_observation", before=before, newest=newest)
    assert answers() == expected
    assert kept <= {item.id for item in repository.tail(limit=1000).records}
    assert drop(repository, "table_observation", before=before, newest=newest) == 0
    repository.close()


def test_events_older_than_the_window_go_and_the_newest_of_each_stream_can_stay(url: str, tmp_path: Path) -> None:
    repository = emptied(opened(url, tmp_path / "archive"))
    repository.bulk_store(
        [event(number, number) for number in range(10)] + [event(90, 0, source_id="bank"), event(91, 1, source_id="bank")]
    )
    assert drop(repository, "job_run", before=5, newest=1) == 6
    assert values(repository.history(MetadataTarget("shop"), "job_run")) == [5, 6, 7, 8, 9]
    assert values(repository.history(MetadataTarget("bank"), "job_run")) == [91]
    assert drop(repository, "job_run", newest=2) == 3
    assert drop(repository, "job_run", before=100) == 3
    assert repository.tail().records == []
    repository.close()


def test_states_keep_the_one_in_force_when_the_window_begins(url: str, tmp_path: Path) -> None:
    repository = emptied(opened(url, tmp_path / "archive"))
    repository.bulk_store([state(1, 0), state(2, 5), state(3, 20), state(7, 1, table="lines")])
    assert drop(repository, "table_observation", before=10) == 1
    assert values([repository.latest(TARGETS[0], "table_observation", as_of=at(12))]) == [2]
    assert values([repository.latest(TARGETS[1], "table_observation", as_of=at(12))]) == [7]
    assert repository.latest(TARGETS[0], "table_observation", as_of=at(4)) is None
    repository.close()


def test_a_file_of_which_nothing_is_left_is_deleted_once_nobody_can_be_reading_it(url: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    repository = emptied(opened(url, archive))
    repository.bulk_store([event(number, number) for number in range(20)])
    month = timedelta(days=40).total_seconds()
    repository.bulk_store([event(number, month + number) for number in range(20, 25)])
    compact(repository)
    assert drop(repository, "job_run", before=10) == 10
    assert len(files_in(archive)) == 2
    assert drop(repository, "job_run", before=30) == 10
    Compactor(repository).run(rules(repository))
    assert len(files_in(archive)) == 2, "a reader may have asked for it just now"
    Compactor(repository, grace_seconds=0).run(rules(repository))
    assert len(files_in(archive)) == 1
    assert files_in(archive) == manifest_paths(repository)
    assert values(repository.tail().records) == list(range(20, 25))
    repository.close()


def test_followers_go_on_past_what_was_dropped(url: str, tmp_path: Path) -> None:
    repository = emptied(opened(url, tmp_path / "archive"))
    repository.bulk_store([event(number, number) for number in range(10)])
    drop(repository, "job_run", before=5)
    first = repository.tail(limit=3)
    assert values(first.records) == [5, 6, 7]
    assert values(repository.tail(first.next_offset).records) == [8, 9]
    assert repository.store(event(99)).offset == 11
    repository.close()


def test_a_drop_that_was_interrupted_hides_nothing_from_filters(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index still named what was gone, and a page of nothing but that was taken for the end."""
    monkeypatch.setattr(dropping, "_BATCH", 1_500)
    repository = opened(url, tmp_path / "archive", IndexProjection(builtin_kinds()))
    emptied(repository)
    repository.bulk_store(
        record_of(IngestionVolume(row_count=number), TARGETS[0], producer_id="load.v1", produced_at=at(number)) for number in range(3_000)
    )
    with repository.reading() as connection:
        [channel] = all_channels(connection)
    due = Drop(channel.channel_no, channel.tenant, channel.kind, microseconds(at(2_900)), 0, keeps_state=False)
    begun: list[bool] = []

    def give_up() -> None:
        if begun:
            raise Cancelled("Enough")
        begun.append(True)

    with pytest.raises(Cancelled):
        drop_due(repository, due, check_cancelled=give_up)
    where = [parse_condition("payload.row_count>=0")]
    page = repository.query("ingestion_volume", where=where, limit=100)
    assert [item.record.payload["row_count"] for item in page.records if item.record.payload] == list(range(1_500, 1_600))
    assert page.next_cursor is not None
    drop_due(repository, due)
    page = repository.query("ingestion_volume", where=where, limit=1_000)
    assert [item.record.payload["row_count"] for item in page.records if item.record.payload] == list(range(2_900, 3_000))
    before = entries(repository)
    repository.rebuild()
    assert entries(repository) == before
    repository.close()


def entries(repository: SqlRepository) -> list[object]:
    with repository.reading() as connection:
        return sorted(tuple(row) for row in connection.exec_driver_sql('SELECT value, produced_at, "offset" FROM index_numbers'))


@pytest.mark.parametrize("step", ["deleting", "deleted"])
def test_a_file_whose_deleting_was_interrupted_is_asked_for_by_nobody(url: str, tmp_path: Path, step: str) -> None:
    repository = emptied(opened(url, tmp_path / "archive"))
    repository.bulk_store([event(number, number) for number in range(20)])
    compact(repository)
    assert drop(repository, "job_run", before=30, newest=0) == 20
    repository.bulk_store([event(99, 5)])

    def die(taken: str) -> None:
        if taken == step:
            raise RuntimeError(step)

    with pytest.raises(RuntimeError, match=step):
        Compactor(repository, min_records=1, grace_seconds=0, on_step=die).recover()
    assert values(repository.tail(limit=100).records) == [99]
    Compactor(repository, min_records=1, grace_seconds=0).run(rules(repository))
    assert values(repository.tail(limit=100).records) == [99]
    assert files_in(tmp_path / "archive") == manifest_paths(repository)
    repository.close()
