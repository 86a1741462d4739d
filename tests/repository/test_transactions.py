"""Writing several things as one, and what many writers at once may rely on."""

import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen
from tests.repository.stores import ADMISSION, open_empty

from factbook.errors import InternalError, InvalidRecord, StoreBusy
from factbook.repository.combining import GroupCommit
from factbook.repository.projection import Projection
from factbook.repository.urls import open_repository
from factbook_sdk.facts.codec import canonical_json
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.repository.intake import store_document
from factbook_sdk.testing.records import event, state


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Give the URL of an empty store with a table of its own to write beside the log."""
    url = f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    repository = open_empty(url)
    with repository.database.writing() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS beside (note TEXT)"))
        connection.execute(text("DELETE FROM beside"))
    repository.close()
    return url


@pytest.fixture
def repository(url):
    repository = open_repository(url, admission=ADMISSION)
    yield repository
    repository.close()


def notes(repository):
    with repository.reading() as connection:
        return list(connection.scalars(text("SELECT note FROM beside ORDER BY note")))


def note(transaction, value):
    transaction.connection.execute(text("INSERT INTO beside VALUES (:note)"), {"note": value})


def test_facts_and_rows_beside_them_come_together(repository):
    with repository.transaction() as transaction:
        note(transaction, "one")
        assert [answer.outcome for answer in transaction.append([state(1), state(1, 1)])] == [Outcome.STORED, Outcome.UNCHANGED]
        assert [answer.offset for answer in transaction.append([state(2, 2), event(1)])] == [2, 3]
    assert notes(repository) == ["one"]
    assert [item.offset for item in repository.tail().records] == [1, 2, 3]


def test_a_transaction_that_fails_leaves_neither_facts_nor_rows_nor_memories(repository, url):
    def fail():
        with repository.transaction() as transaction:
            note(transaction, "lost")
            transaction.append([state(1), event(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert notes(repository) == []
    # The numbers given to its streams were rolled back, and another writer now gives them to others.
    other = open_repository(url, admission=ADMISSION)
    other.bulk_store([state(7, table="lines"), event(9, source_id="mill")])
    other.close()
    assert repository.store(state(1)).outcome is Outcome.STORED
    assert repository.store(event(1)).outcome is Outcome.STORED
    assert len(repository.tail().records) == 4
    assert len(repository.history(state(1).target, "table_observation")) == 1


def test_an_invalid_record_is_refused_before_anything_is_written_and_the_rest_may_go_on(repository):
    with repository.transaction() as transaction:
        with pytest.raises(InvalidRecord):
            transaction.append([event(1), state(-1)])
        transaction.append([event(2)])
    assert [item.record.payload["attempt"] for item in repository.tail().records] == [2]


class Breaking(Projection):
    name = "breaking"
    version = 1
    kinds = frozenset({"job_run"})
    tables = ()

    def apply(self, connection, records):
        raise ValueError("cannot digest")


def test_an_append_done_by_half_is_never_committed(url):
    repository = open_repository(url, admission=ADMISSION, projections=[Breaking()])

    def go_on_regardless():
        with repository.transaction() as transaction:
            with pytest.raises(ValueError, match="cannot digest"):
                transaction.append([event(1)])
            note(transaction, "lost")

    with pytest.raises(InternalError, match="went on"):
        go_on_regardless()
    assert (repository.tail().records, notes(repository)) == ([], [])
    repository.close()


def test_storing_inside_a_transaction_is_refused_instead_of_waiting_for_itself(repository):
    with repository.transaction() as transaction:
        with pytest.raises(InternalError, match="inside another"):
            repository.store(event(1))
        transaction.append([event(2)])
    assert len(repository.tail().records) == 1


def test_streams_begun_by_another_writer_are_found(repository, url):
    other = open_repository(url, admission=ADMISSION)
    assert repository.store(state(1)).outcome is Outcome.STORED
    assert other.store(state(1, 1)).outcome is Outcome.UNCHANGED
    other.store(state(2, 2, table="lines"))
    assert repository.store(state(2, 3, table="lines")).outcome is Outcome.UNCHANGED
    assert repository.store(event(1)).outcome is Outcome.STORED
    assert other.store(event(1)).outcome is Outcome.DUPLICATE
    other.close()


def test_two_writers_that_begin_the_same_stream_at_once_begin_it_once(repository, url):
    others = [open_repository(url, admission=ADMISSION) for _ in range(6)]
    start = threading.Barrier(len(others))

    def begin(place):
        start.wait()
        others[place].bulk_store([state(place, place, table=f"t{n}") for n in range(30)])

    threads = [threading.Thread(target=begin, args=(place,)) for place in range(len(others))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    with repository.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM streams")) == 30
    offsets = [item.offset for item in repository.tail(limit=1000).records]
    assert offsets == list(range(1, len(offsets) + 1))


def test_tail_wakes_for_what_another_process_stores(repository, url):
    program = (
        "import sys; from factbook.repository.urls import open_repository; from factbook_sdk.facts import Admission, builtin_kinds; "
        "from factbook_sdk.testing.records import event; sys.stdin.readline(); "
        "open_repository(sys.argv[1], admission=Admission(builtin_kinds())).store(event(1))"
    )
    with subprocess.Popen([sys.executable, "-c", program, url], stdin=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        print(file=writer.stdin, flush=True)
        page = repository.tail(wait_seconds=60)
    assert [item.offset for item in page.records] == [1]


def wait_until(condition):
    """Wait for other threads, a minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.001)


def together(group, items):
    """Submit items at the same time, all of them waiting while the first is being committed; return what each was told."""
    answers = {}

    def submit(item):
        try:
            answers[item] = group.submit(item)
        except (ValueError, StoreBusy, KeyboardInterrupt) as error:
            answers[item] = error

    threads = [threading.Thread(target=submit, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(items), "somebody still waits"
    return answers


class Slow:
    """Commits that last until everybody waits, and then what ``then`` does."""

    def __init__(self, waiting, then):
        self.batches = []
        self._waiting = waiting
        self._then = then
        self.group = GroupCommit(self.commit)

    def commit(self, items):
        if not self.batches:
            self.batches.append(list(items))
            while len(self.group._waiting) < self._waiting:
                time.sleep(0.001)
            return [item.upper() for item in items]
        self.batches.append(list(items))
        return self._then(self, items)


def test_those_who_wait_share_one_commit():
    slow = Slow(4, lambda self, items: [item.upper() for item in items])
    answers = together(slow.group, "abcde")
    assert answers == {item: item.upper() for item in "abcde"}
    assert [len(batch) for batch in slow.batches] == [1, 4]


def test_documents_of_one_record_share_a_commit(repository):
    def send(number):
        report = store_document(repository, canonical_json(event(number)), tenants={"default"}, atomic=True)
        offsets.extend(result.offset for result in report.results)

    transactions, offsets, group = [], [], repository._group
    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    with repository.database.writing():
        threads[0].start()
        wait_until(lambda: group._lock.locked() and not group._waiting)
        for thread in threads[1:]:
            thread.start()
        wait_until(lambda: len(group._waiting) == 7)
        listen(repository.database.engine, "begin", transactions.append)
    for thread in threads:
        thread.join(60)
    assert sorted(offsets) == list(range(1, 9))
    assert len(transactions) <= 2, "one of who came first, and one of all others"


def test_a_busy_store_is_nobodys_fault_and_is_told_to_all_at_once():
    def busy(self, items):
        raise StoreBusy("The store is busy")

    slow = Slow(4, busy)
    answers = together(slow.group, "abcde")
    assert sum(isinstance(answer, StoreBusy) for answer in answers.values()) == 4
    assert len(slow.batches) == 2


def test_an_interrupted_commit_leaves_nobody_waiting():
    def interrupted_once(self, items):
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return [item.upper() for item in items]

    slow = Slow(4, interrupted_once)
    answers = together(slow.group, "abcde")
    assert sum(isinstance(answer, KeyboardInterrupt) for answer in answers.values()) == 1
    assert sum(answer == item.upper() for item, answer in answers.items()) == 4
