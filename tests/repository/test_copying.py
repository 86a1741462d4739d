"""Copying a log from one repository into another."""

from pathlib import Path

import pytest
from tests.repository.stores import ADMISSION

from factbook.repository.copying import copy_log
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, KindRegistry, builtin_kinds
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import event, state


def filled() -> MemoryRepository:
    source = MemoryRepository(ADMISSION)
    source.bulk_store([*(event(number) for number in range(20)), *(state(number) for number in range(5))])
    return source


def test_every_record_arrives_as_it_is_and_again_it_is_a_duplicate(tmp_path: Path) -> None:
    source, sink = filled(), open_repository(f"sqlite:///{tmp_path}/sink.sqlite", admission=ADMISSION)
    moves: list[int] = []
    first = copy_log(source, sink, tenant="default", on_copied=lambda done, _total, _text: moves.append(done))
    copied = sink.tail(limit=1000).records
    assert [item.id for item in copied] == [item.id for item in source.tail(limit=1000).records]
    assert first.counts["stored"] == len(copied) == moves[-1]
    again = copy_log(source, sink, tenant="default")
    assert again.counts == {"stored": 0, "duplicate": len(copied), "unchanged": 0, "rejected": 0}
    assert again.reached == first.reached
    sink.close()


def test_copying_goes_on_where_it_was(tmp_path: Path) -> None:
    source, sink = filled(), open_repository(f"sqlite:///{tmp_path}/sink.sqlite", admission=ADMISSION)
    reached = copy_log(source, sink, tenant="default").reached
    assert source.store(event(99)).outcome is Outcome.STORED
    assert copy_log(source, sink, tenant="default", after_offset=reached).counts["stored"] == 1
    sink.close()


def test_another_tenants_records_stay_where_they_are(tmp_path: Path) -> None:
    sink = MemoryRepository(ADMISSION)
    assert copy_log(filled(), sink, tenant="other").counts["stored"] == 0
    assert sink.tail().records == []


def test_what_the_sink_refuses_is_named_and_the_rest_goes_on() -> None:
    known = [kind for kind in builtin_kinds() if kind.name != event(1).kind]
    sink = MemoryRepository(Admission(KindRegistry(known)))
    report = copy_log(filled(), sink, tenant="default")
    assert report.counts["rejected"] == 20
    assert report.counts["stored"] == 5
    assert report.refused[0].startswith("offset 1: ")
    assert "unknown" in report.refused[0]
    assert len(report.refused) == 20


@pytest.mark.parametrize("position", [0, 7])
def test_an_empty_rest_copies_nothing(position: int) -> None:
    source = MemoryRepository(ADMISSION)
    report = copy_log(source, MemoryRepository(ADMISSION), tenant="default", after_offset=position)
    assert (report.counts["stored"], report.reached) == (0, position)
