"""Records by month on PostgreSQL: no moment is refused, months come in time, and a store of one table is converted with all it holds."""

import threading
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from tests.repository.stores import open_empty

from factbook.database import migrations
from factbook.database.engine import PLANNED_ONCE, Database
from factbook.database.months import Month, make_months, months
from factbook.errors import FactbookError
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing import records

ADMISSION = Admission(builtin_kinds())


def at(year, month, day=1, **of_day):
    return datetime(year, month, day, tzinfo=UTC, **of_day)


def event(number, *, produced_at):
    return msgspec.structs.replace(records.event(number), produced_at=produced_at)


def state(value, *, produced_at, table="orders"):
    return msgspec.structs.replace(records.state(value, table=table), produced_at=produced_at)


@pytest.fixture
def url(postgres_url):
    database = Database(postgres_url)
    with database.writing() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()
    return postgres_url


@pytest.fixture
def repository(url):
    repository = open_repository(url, admission=ADMISSION)
    yield repository
    repository.close()


def places(repository):
    """Return how many records lie in each partition that holds any."""
    with repository.reading() as connection:
        rows = connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM records GROUP BY 1"))
        return dict(map(tuple, rows))


def known_months(repository):
    with repository.reading() as connection:
        return months(connection)


def this_month():
    now = datetime.now(UTC)
    return Month(now.year, now.month)


def moments(*years):
    return [event(number, produced_at=at(year, 6, 15)) for number, year in enumerate(years)]


@given(st.integers(1970, 2200), st.integers(1, 12), st.integers(0, 400))
def test_months_follow_each_other(year, month, step):
    start = Month(year, month)
    later = start.after(step)
    assert 12 * later.year + later.month == 12 * year + month + step
    assert later.after(-step) == start
    assert start.begins_at < start.after(1).begins_at
    assert datetime.fromtimestamp(start.begins_at // 1_000_000, UTC) == at(year, month)


def test_an_opened_store_has_this_month_and_two_ahead(repository):
    assert known_months(repository) == [this_month().after(ahead) for ahead in range(3)]


def test_no_moment_is_refused(repository):
    facts = moments(1, 1969, 2003, this_month().year + 1, 9998)
    assert repository.bulk_store(facts).count(Outcome.STORED) == len(facts)
    assert [item.record.produced_at.year for item in repository.query("job_run").records] == [1, 1969, 2003, this_month().year + 1, 9998]
    assert repository.bulk_store(facts).count(Outcome.DUPLICATE) == len(facts)
    assert places(repository) == {"records_past": 3, "records_later": 2}


def test_new_months_take_along_what_lay_in_them_already(repository):
    start = this_month()
    ahead = [start.after(step) for step in (2, 3, 14, 15)]
    repository.bulk_store([state(number, table=f"t{number}", produced_at=at(*month, 20)) for number, month in enumerate(ahead)])
    assert places(repository) == {ahead[0].table: 1, "records_later": 3}
    before = repository.tail().records
    assert make_months(repository.database, today=at(*start.after(12))) == [start.after(step) for step in range(3, 15)]
    assert make_months(repository.database, today=at(*start.after(12))) == []
    assert known_months(repository) == [start.after(step) for step in range(15)]
    assert places(repository) == {ahead[0].table: 1, ahead[1].table: 1, ahead[2].table: 1, "records_later": 1}
    assert repository.tail().records == before
    assert repository.store(state(0, table="t0", produced_at=at(*ahead[0], 20))).outcome is Outcome.DUPLICATE


def test_processes_that_make_months_at_once_and_write_meanwhile_lose_nothing(repository, url):
    writers = 3
    errors = []

    def write(number):
        with_months = open_repository(url, admission=ADMISSION)
        try:
            for step in range(20):
                moment = at(*this_month().after(step), 3)
                with_months.bulk_store([event(1000 * number + step, produced_at=moment)])
                if step % 5 == 0:
                    make_months(with_months.database, today=moment)
        except FactbookError as error:
            errors.append(error)
        finally:
            with_months.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    # The key would allow one offset in two months; the append lock does not.
    assert [item.offset for item in repository.tail().records] == list(range(1, 20 * writers + 1))
    assert len(known_months(repository)) == 3 + 15


def test_a_long_reading_puts_new_months_off_and_nothing_else(repository, monkeypatch):
    monkeypatch.setattr("factbook.database.months._LOCK_SECONDS", 0.1)
    start = this_month()
    monkeypatch.setattr("factbook.database.months.MONTHS_AHEAD", 3)
    with repository.database.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM records")).all()
        repository.make_months()
        assert len(known_months(repository)) == 3
        assert repository.store(event(1, produced_at=at(*start.after(3)))).outcome is Outcome.STORED
        reader.rollback()
    repository.make_months()
    assert places(repository) == {start.after(3).table: 1}


@pytest.mark.parametrize("newest", ["nothing", "last year", "this month", "far away"])
def test_a_store_of_one_table_is_converted_with_all_it_holds(url, newest):
    database = Database(url)
    with database.writing() as connection:
        migrations.upgrade(connection, "0003")
    facts = {
        "nothing": [],
        "last year": [*moments(1999, this_month().year - 1), state(1, produced_at=at(2001, 1)), state(2, produced_at=at(2001, 2))],
        "this month": [*moments(1999), state(1, produced_at=at(*this_month(), 1, hour=1))],
        "far away": [*moments(1999, 2090, 3000), state(1, produced_at=at(*this_month().after(1), 9))],
    }[newest]
    older = SqlRepository(database, ADMISSION)
    stored = older.bulk_store(facts)
    before = older.tail().records
    older.close()
    repository = open_repository(url, admission=ADMISSION)
    assert repository.tail().records == before
    assert repository.bulk_store(facts).count(Outcome.DUPLICATE) == len(facts)
    assert repository.store(records.event(77)).offset == stored.count(Outcome.STORED) + 1
    assert known_months(repository)[-1] == this_month().after(2)
    held = {
        "nothing": {},
        "last year": {"records_past": 4},
        "this month": {"records_past": 2},
        "far away": {this_month().after(1).table: 1},
    }
    assert (
        held[newest].items() <= {**places(repository), "records_past": places(repository)["records_past"] - (newest != "nothing")}.items()
    )
    repository.close()


MOMENTS = st.integers(-40, 40).map(lambda step: at(*this_month().after(step), 1 + step % 28))


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 3), MOMENTS), min_size=1, max_size=25), st.integers(0, 30))
def test_every_verb_answers_over_the_seams_as_if_there_were_none(postgres_url, drawn, ahead):
    facts = [state(number, table=f"t{number % 3}", produced_at=moment) for number, moment in drawn]
    repository, memory = open_empty(postgres_url), MemoryRepository(ADMISSION)
    make_months(repository.database, today=at(*this_month().after(ahead)))
    for store in (repository, memory):
        store.bulk_store(facts)
    targets = {fact.target for fact in facts}
    assert repository.tail().records == memory.tail().records
    for order in ("asc", "desc"):
        first, ours = repository.query("table_observation", order=order, limit=5), memory.query("table_observation", order=order, limit=5)
        assert first == ours
        if first.next_cursor is not None:
            following = {"order": order, "limit": 100, "cursor": first.next_cursor}
            assert repository.query("table_observation", **following) == memory.query("table_observation", **following)
    moment = facts[0].produced_at
    for target in targets:
        assert repository.history(target, "table_observation") == memory.history(target, "table_observation")
        assert repository.latest(target, "table_observation", as_of=moment) == memory.latest(target, "table_observation", as_of=moment)
        # The second time it is known where to look.
        for _ in range(2):
            assert repository.latest(target, "table_observation") == memory.latest(target, "table_observation")
    assert repository.latest_many(list(targets), "table_observation") == memory.latest_many(list(targets), "table_observation")
    repository.close()


def test_what_is_planned_once_leaves_no_trace_on_its_connection(repository):
    with repository.reading() as connection:
        assert connection.execute(text("SHOW plan_cache_mode"), execution_options={PLANNED_ONCE: True}).scalar() == "force_generic_plan"
        assert connection.execute(text("SHOW plan_cache_mode")).scalar() == "auto"
        with pytest.raises(Exception, match="nowhere"):
            connection.execute(text("SELECT 1 FROM nowhere"), execution_options={PLANNED_ONCE: True})
        assert connection.execute(text("SHOW plan_cache_mode")).scalar() == "auto"
