import random
import threading
import time

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.repository.stores import ADMISSION, open_empty

from factbook.repository.urls import open_repository
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.testing.records import event
from factbook_sdk.testing.repository_machine import repository_machine
from factbook_sdk.testing.repository_suite import RepositoryContract


class TestPostgresRepository(RepositoryContract):
    @pytest.fixture
    def repository(self, postgres_url):
        repository = open_empty(postgres_url)
        yield repository
        repository.close()


def test_a_state_machine_finds_no_difference_to_memory(postgres_url):
    machine = repository_machine(lambda: open_empty(postgres_url))
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=15))


def test_tail_neither_skips_nor_repeats_while_eight_writers_commit_at_random(postgres_url):
    """A bare sequence would fail here: numbers are drawn in one order and committed in another."""
    writers, transactions, batch = 8, 12, 5
    reading = open_empty(postgres_url)
    done = threading.Event()
    chance = random.Random(20260131)
    pauses = [[chance.random() * 0.01 for _ in range(transactions)] for _ in range(writers)]

    def write(worker):
        # A repository of its own is what a process of its own would have: no lock is shared but the database's.
        repository = open_repository(postgres_url, admission=ADMISSION)
        for number, pause in enumerate(pauses[worker]):
            with repository.transaction() as transaction:
                facts = [event(worker * 10_000 + number * 100 + place, place) for place in range(batch)]
                answers = transaction.append(facts)
                assert {answer.outcome for answer in answers} == {Outcome.STORED}
                time.sleep(pause)
        repository.close()

    seen = [[] for _ in range(3)]

    def follow(place):
        after = 0
        while True:
            last_look = done.is_set()
            page = reading.tail(after, limit=7)
            seen[place].extend(page.records)
            after = page.next_offset
            if last_look and not page.records:
                return

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(writers)]
    readers = [threading.Thread(target=follow, args=(place,)) for place in range(3)]
    for thread in [*readers, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    reading.close()
    expected = writers * transactions * batch
    for followed in seen:
        assert [item.offset for item in followed] == list(range(1, expected + 1))
        assert len({item.id for item in followed}) == expected
