"""Events of a run in any order, twice, at once: in the end the same holds, and nothing is there twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.openlineage.shelf import RUN, Desk, dataset, event

from factbook.app import Factbook
from factbook.openlineage import OpenLineage
from factbook.settings import load_settings

OTHER_RUN = "019127df-0850-72bc-b214-b255290588a7"


def changed(name: str, change: str, **more: Any) -> dict[str, Any]:
    return dataset(name, lifecycleStateChange={"lifecycleStateChange": change} | more)


def test_a_start_may_name_what_is_read_and_a_complete_what_is_written() -> None:
    desk = Desk()
    desk.send(event("START", inputs=[dataset("orders")]), event("COMPLETE", minute=1, outputs=[dataset("report")]))
    assert desk.lineage("report") == ["orders"]


def test_a_start_that_comes_late_is_merged_all_the_same() -> None:
    desk = Desk()
    desk.send(event("COMPLETE", minute=1, outputs=[dataset("report")]))
    assert desk.lineage("report") is None
    desk.send(event("START", inputs=[dataset("orders")]))
    assert desk.lineage("report") == ["orders"]
    assert [fact.payload["duration_seconds"] for fact in desk.all("ingestion_runtime")] == [60.0]


def test_a_complete_run_replaces_what_its_job_said_before() -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("orders"), dataset("old")], outputs=[dataset("report")]))
    desk.send(event(minute=5, run=OTHER_RUN, inputs=[dataset("orders")], outputs=[dataset("report")]))
    assert desk.lineage("report") == ["orders"]


def test_a_run_under_way_only_adds() -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("a"), dataset("b")], outputs=[dataset("report")]))
    desk.send(event("START", minute=5, run=OTHER_RUN, inputs=[dataset("c")], outputs=[dataset("report")]))
    assert desk.lineage("report") == ["a", "b", "c"]


@pytest.mark.parametrize("state", ["FAIL", "ABORT"])
def test_a_failed_event_makes_no_edges_and_takes_none_back(state: str) -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("orders")], outputs=[dataset("report")]))
    desk.send(event(state, minute=1, run=OTHER_RUN, inputs=[dataset("wrong")], outputs=[dataset("report"), dataset("new")]))
    assert desk.lineage("report") == ["orders"]
    assert desk.lineage("new") is None
    assert len(desk.all("lineage_run")) == 1


def test_a_dropped_dataset_has_no_lineage_by_that_job_any_more() -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("orders")], outputs=[dataset("report")]))
    desk.send(event(minute=1, run=OTHER_RUN, inputs=[dataset("orders")], outputs=[changed("report", "DROP")]))
    assert desk.lineage("report") is None
    assert desk.all("lineage")[-1].payload is None


def test_a_renamed_dataset_takes_its_lineage_along() -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("orders")], outputs=[dataset("report")]))
    renamed = changed("summary", "RENAME", previousIdentifier={"namespace": "s3://lake", "name": "report"})
    desk.send(event(minute=1, run=OTHER_RUN, inputs=[dataset("orders")], outputs=[renamed]))
    assert desk.lineage("report") is None
    assert desk.lineage("summary") == ["orders"]


def test_an_altered_or_overwritten_dataset_keeps_its_lineage() -> None:
    desk = Desk()
    for minute, change in enumerate(("ALTER", "OVERWRITE", "TRUNCATE", "CREATE")):
        desk.send(event(minute=minute, inputs=[dataset("orders")], outputs=[changed("report", change)]))
        assert desk.lineage("report") == ["orders"]


def test_jobs_do_not_replace_each_other() -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("a")], outputs=[dataset("report")]))
    desk.send(event(minute=1, job="other", inputs=[dataset("b")], outputs=[dataset("report")]))
    assert desk.lineage("report") == ["a"]
    assert desk.lineage("report", producer="openlineage:etl/other") == ["b"]


def test_the_identical_event_changes_nothing() -> None:
    desk = Desk()
    events = [
        event("START", inputs=[dataset("orders")]),
        event("RUNNING", minute=1, outputs=[dataset("report")]),
        event("COMPLETE", minute=2, outputs=[dataset("report")]),
    ]
    first = desk.send(*events)
    stored = desk.count()
    again = desk.send(*events, *events)
    assert desk.count() == stored
    assert [answer.duplicate for answer in again] == [True] * 6
    assert {answer.id for answer in again} == {answer.id for answer in first}
    assert desk.send_batch(events).status == "success"
    assert desk.count() == stored


def test_an_event_twice_in_one_batch_is_stored_once() -> None:
    desk = Desk()
    came = event(inputs=[dataset("orders")], outputs=[dataset("report")])
    assert desk.send_batch([came, came]).summary.successful == 2
    assert len(desk.all("openlineage_event")) == 1
    assert len(desk.all("lineage_run")) == 1


NAMES = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
STATES = st.sampled_from(["START", "RUNNING", "OTHER", "COMPLETE", "FAIL", "ABORT"])
RUNS = st.lists(st.tuples(STATES, NAMES, NAMES), min_size=1, max_size=5)


@settings(max_examples=60)
@given(RUNS, st.randoms(use_true_random=False), st.integers(1, 4))
def test_events_of_a_run_in_any_order_and_any_batches_leave_the_same_lineage(
    told: list[tuple[str, list[str], list[str]]], chance: random.Random, size: int
) -> None:
    events = [
        event(state, minute=minute, inputs=[dataset(name) for name in read], outputs=[dataset(f"out-{name}") for name in written])
        for minute, (state, read, written) in enumerate(told)
    ]
    in_order, shuffled = Desk(), Desk()
    answers = in_order.send(*events)
    assert [warning for answer in answers for warning in answer.warnings] == []
    chance.shuffle(events)
    for start in range(0, len(events), size):
        shuffled.send_batch(events[start : start + size])
    shuffled.send_batch(events)
    assert shuffled.in_force() == in_order.in_force()
    assert len(shuffled.all("openlineage_event")) == len({str(one) for one in events})


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Factbook]:
    chosen = {"data_dir": str(tmp_path)}
    if request.param == "postgres":
        chosen["meta_db_url"] = request.getfixturevalue("postgres_url")
    opened = Factbook(load_settings({}, **chosen))
    yield opened
    opened.close()


def test_a_nul_anywhere_is_stored_on_every_store(house: Factbook) -> None:
    desk = Desk(house.repository)
    desk.room = house.own.openlineage
    said = {
        "documentation": {"description": "a\x00b"},
        "tags": {"tags": [{"key": "a\x00", "value": "\x00", "field": "c\x00"}]},
        "ownership": {"owners": [{"name": "a\x00", "type": "b\x00"}]},
        "schema": {"fields": [{"name": "c\x00", "type": "t\x00", "description": "d\x00"}]},
        "columnLineage": {"fields": {"c\x00": {"inputFields": [{"namespace": "n\x00", "name": "t\x00", "field": "f\x00"}]}}},
    }
    named = dataset("t\x00", namespace="n\x00", **said)
    came = event(job="j\x00", run="r\x00", inputs=[named], outputs=[named], job_facets={"sql": {"query": "SELECT '\x00'"}})
    (answer,) = desk.send(came)
    assert answer.warnings == []
    assert desk.events(run="r\x00") == [came]


def test_two_clients_and_two_processes_at_once_miss_nothing_of_each_other(house: Factbook, tmp_path: Path) -> None:
    """Each event names an input of its own; a process that does not know of the others' would leave one out."""
    second = Factbook(load_settings({}, data_dir=str(tmp_path), meta_db_url=house.settings.meta_db_url))
    rooms: list[OpenLineage] = [house.own.openlineage, second.own.openlineage]
    desks = [Desk(house.repository), Desk(second.repository)]
    for desk, room in zip(desks, rooms, strict=True):
        desk.room = room
    events = [event("RUNNING", minute=n, inputs=[dataset(f"in-{n}")], outputs=[dataset("report")], run=RUN) for n in range(24)]
    threads = [threading.Thread(target=desks[n % 2].send, args=events[n * 6 : n * 6 + 6]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desks[0].lineage("report") == sorted(f"in-{n}" for n in range(24))
    assert len(desks[0].events(job="etl/load")) == 24
    second.close()
