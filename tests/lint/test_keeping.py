"""A report is kept while nothing is told that it is made from."""

from __future__ import annotations

import pytest
from tests.lint.shelf import Shelf, at

from factbook.lint import Lint, keeping
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.table("orders", "id", comment="All orders")
    shelf.table("lines", "id")
    return shelf


@pytest.fixture
def lint(shelf: Shelf) -> Lint:
    return Lint(shelf.repository, tenant="default", last_offset=lambda: shelf.repository.tail(0, limit=1000).next_offset)


def undescribed(lint: Lint) -> list[str]:
    return [item.place for item in lint.report("shop").findings if item.rule == "table_description"]


def test_a_report_is_the_same_one_until_its_tables_or_what_is_said_of_them_change(shelf: Shelf, lint: Lint) -> None:
    first = lint.report("shop")
    assert lint.report("shop") is first
    elsewhere = {"job_id": "1", "job_type": "scan", "state": "queued"}
    shelf.repository.store(MetadataRecord(MetadataTarget("shop"), "job_run", elsewhere, at(1), "jobs.v1"))
    assert lint.report("shop") is first
    assert undescribed(lint) == ["main.lines"]
    shelf.note("lines", Note("description", "What is in an order"))
    assert undescribed(lint) == []
    shelf.table("more", "id")
    assert undescribed(lint) == ["main.more"]
    assert lint.report("shop", as_of=at(0)) is not lint.report("shop")


def test_what_was_asked_for_longest_ago_goes_first(shelf: Shelf, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_FINDINGS", 1)
    first = lint.report("shop")
    lint.report("shop", as_of=at(5))
    assert lint.report("shop") is not first
    assert lint.report("shop").findings == first.findings
