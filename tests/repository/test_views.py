"""Views follow the log in the same transaction, catch up, and are rebuilt identically."""

import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, select

from factbook.database.bulk import bulk_upsert
from factbook.repository.projection import Projection
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.testing.records import event, state
from factbook_sdk.testing.repository_machine import facts

ADMISSION = Admission(builtin_kinds())

totals = Table(
    "test_totals",
    MetaData(),
    Column("table_name", Text, primary_key=True),
    Column("seen", Integer, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
)


class Totals(Projection):
    """Counts the records of each table: an order or a repetition gone wrong shows at once."""

    name = "totals"
    version = 1
    kinds = frozenset({"table_observation"})
    tables = (totals,)

    def apply(self, connection, records):
        known = {row.table_name: (row.seen, row.last_offset) for row in connection.execute(select(totals))}
        for item in records:
            seen, last = known.get(item.record.target.table, (0, 0))
            assert item.offset > last, "a record came twice, or out of order"
            known[item.record.target.table] = (seen + 1, item.offset)
        rows = [(name, seen, last) for name, (seen, last) in known.items()]
        bulk_upsert(connection, totals, ("table_name", "seen", "last_offset"), rows, key=("table_name",))


class NewerTotals(Totals):
    version = 2


class BrokenTotals(Totals):
    def apply(self, connection, records):
        raise ValueError("this view cannot digest anything")


def contents(repository):
    with repository.reading() as connection:
        return connection.execute(select(totals).order_by(totals.c.table_name)).all()


def opened(url, *projections):
    return open_repository(url, admission=ADMISSION, projections=projections)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/store.sqlite"


def test_a_reader_sees_what_was_just_written(url):
    repository = opened(url, Totals())
    repository.store(state(1, 0))
    assert [tuple(row) for row in contents(repository)] == [("orders", 1, 1)]
    repository.close()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(batches=st.lists(st.lists(facts, max_size=10), max_size=6))
def test_rebuilding_gives_identical_tables(tmp_path_factory, batches):
    repository = opened(f"sqlite:///{tmp_path_factory.mktemp('views')}/store.sqlite", Totals())
    for batch in batches:
        repository.bulk_store(batch)
    before = contents(repository)
    repository.rebuild()
    assert contents(repository) == before
    repository.close()


def test_a_view_that_missed_records_catches_up_before_it_follows(url):
    blind = opened(url)
    blind.bulk_store([state(1, 0), state(2, 1)])
    seeing = opened(url, Totals())
    assert [tuple(row) for row in contents(seeing)] == [("orders", 2, 2)]
    blind.store(state(3, 2))
    seeing.store(state(4, 3))
    assert [tuple(row) for row in contents(seeing)] == [("orders", 4, 4)]
    blind.close()
    seeing.close()


def test_a_new_version_of_a_view_is_built_anew_and_older_code_leaves_it_alone(url):
    old = opened(url, Totals())
    old.store(state(1, 0))
    new = opened(url, NewerTotals())
    old.store(state(2, 1))
    new.store(state(3, 2))
    assert [tuple(row) for row in contents(new)] == [("orders", 3, 3)]
    old.close()
    new.close()


def test_a_view_that_breaks_takes_its_record_back_and_says_so(url):
    repository = opened(url, BrokenTotals())
    with pytest.raises(ValueError, match="cannot digest"):
        repository.store(state(1, 0))
    repository.store(event(1))
    assert [item.record.kind for item in repository.tail().records] == ["job_run"]
    repository.close()


def test_an_interrupted_rebuild_leaves_the_old_view(url):
    repository = opened(url, Totals())
    repository.store(state(1, 0))
    before = contents(repository)

    def interrupt(name, reached, end):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repository.rebuild(interrupt)
    assert contents(repository) == before
    repository.store(state(2, 1))
    assert [tuple(row) for row in contents(repository)] == [("orders", 2, 2)]
    repository.close()


WRITER = """
import sys
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.testing.records import event
repository = open_repository(sys.argv[1], admission=Admission(builtin_kinds()))
for number in range(int(sys.argv[2]), 100_000):
    answer = repository.store(event(number))
    print(number, answer.offset, flush=True)
"""


def test_killing_a_writer_loses_no_acknowledged_record_and_doubles_none(url):
    acknowledged = set()
    for turn in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, url, str(turn * 1000)], stdout=subprocess.PIPE, text=True)
        for line in writer.stdout:
            acknowledged.add(int(line.split()[0]))
            if len(acknowledged) % 25 == 0:
                writer.kill()
                break
        acknowledged.update(int(line.split()[0]) for line in writer.stdout if line.endswith("\n"))
        writer.wait()
        writer.stdout.close()
    repository = opened(url)
    found = [item.record.payload["attempt"] for item in repository.tail(limit=10_000).records]
    offsets = [item.offset for item in repository.tail(limit=10_000).records]
    repository.close()
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))
    assert offsets == list(range(1, len(offsets) + 1))


def test_two_processes_share_one_file(url):
    opened(url).close()
    script = WRITER.replace("100_000", "int(sys.argv[2]) + 40")
    writers = [subprocess.Popen([sys.executable, "-c", script, url, str(start)], stdout=subprocess.DEVNULL) for start in (0, 1000)]
    assert [writer.wait() for writer in writers] == [0, 0]
    repository = opened(url)
    assert len(repository.tail(limit=1000).records) == 80
    repository.close()


def test_one_bad_item_of_a_shared_commit_fails_alone():
    from factbook.repository.combining import GroupCommit

    def commit(items):
        if "bad" in items:
            raise ValueError("bad item")
        return [item.upper() for item in items]

    group = GroupCommit(commit)
    answers = {}

    def submit(item):
        try:
            answers[item] = group.submit(item)
        except ValueError as error:
            answers[item] = str(error)

    threads = [threading.Thread(target=submit, args=(item,)) for item in ("a", "bad", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"a": "A", "b": "B", "c": "C", "bad": "bad item"}
