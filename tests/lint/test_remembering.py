"""Documentation that is counted once and remembered until a fact may change it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from factbook.lint import Lint, remembering
from factbook.lint.remembering import RememberedCoverage, whole
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds


@pytest.fixture
def log(tmp_path):
    opened = open_repository(f"sqlite:///{tmp_path}/log.sqlite", admission=Admission(builtin_kinds()))
    yield opened
    opened.close()


@pytest.fixture
def counted(log, monkeypatch):
    """What is remembered, and the sources that were counted, in order."""
    lint, order = Lint(log, tenant="default"), []
    inner = lint.coverage
    monkeypatch.setattr(lint, "coverage", lambda source_id: order.append(source_id) or inner(source_id))
    return RememberedCoverage(log, lint, tenant="default"), order


def table(log, source, *, comment=None, name="t", tenant="default"):
    columns = [{"name": "id", "position": 1, "data_type": "int"}]
    snapshot = {"object_type": "table", "columns": columns} | ({"comment": comment} if comment else {})
    target, context = MetadataTarget(source, "main", name), MetadataContext(tenant=tenant)
    log.store(MetadataRecord(target, "schema_snapshot", snapshot, datetime.now(UTC), "scan.v1", context))


def shares(found):
    return {source: None if coverage is None else coverage.share for source, coverage in found.items()}


def test_a_source_is_counted_again_only_when_something_is_said_of_it(log, counted):
    remembered, order = counted
    table(log, "a", comment="described")
    table(log, "b")
    assert remembered.known(["a", "b", "never"]) == {}
    assert shares(remembered.count(["a", "b", "never"], seconds=60)) == {"a": 0.5, "b": 0.0, "never": None}
    assert shares(remembered.known(["a", "b"])) == {"a": 0.5, "b": 0.0}
    note = {"author_type": "person", "notes": [{"property": "description", "value": "All of it", "column": "id"}]}
    log.store(MetadataRecord(MetadataTarget("b", "main", "t"), "annotation", note, datetime.now(UTC), "person:ada"))
    log.store(MetadataRecord(MetadataTarget("a"), "ingestion_volume", {"row_count": 1}, datetime.now(UTC), "load"))
    table(log, "a", name="theirs", tenant="harbour")
    assert shares(remembered.known(["a", "b"])) == {"a": 0.5}
    assert shares(remembered.count(["a", "b"], seconds=60)) == {"a": 0.5, "b": 0.5}
    assert order == ["a", "b", "never", "b"]


def test_a_fact_that_comes_while_a_source_is_counted_has_it_counted_again(log, monkeypatch):
    lint = Lint(log, tenant="default")
    remembered = RememberedCoverage(log, lint, tenant="default")
    table(log, "a")
    inner = lint.coverage

    def slow(source_id):
        found = inner(source_id)
        table(log, "a", comment="described meanwhile", name="late")
        remembered.known(["a"])
        return found

    monkeypatch.setattr(lint, "coverage", slow)
    remembered.count(["a"], seconds=60)
    assert remembered.known(["a"]) == {}


def test_time_is_kept_and_many_facts_have_all_counted_anew(log, counted, monkeypatch):
    remembered, _ = counted
    for name in ("a", "b", "c"):
        table(log, name)
    assert set(remembered.count(["a", "b", "c"], seconds=-1)) == {"a"}
    assert set(remembered.count(["a", "b", "c"], seconds=60)) == {"a", "b", "c"}
    monkeypatch.setattr(remembering, "_READ_ON", 2)
    for number in range(3):
        table(log, "elsewhere", name=f"t{number}")
    assert remembered.known(["a", "b", "c"]) == {}
    remembered.count(["a"], seconds=60)
    assert set(remembered.known(["a"])) == {"a"}


def test_sources_together_are_weighed_by_what_is_in_them(log, counted):
    remembered, _ = counted
    table(log, "a", comment="described")
    for number in range(3):
        table(log, "b", name=f"t{number}")
    found = whole(coverage for coverage in remembered.count(["a", "b"], seconds=60).values() if coverage)
    assert (found.tables.documented, found.tables.total, found.columns.total, found.share) == (1, 4, 4, 1 / 8)
    assert whole([]).tables.total == 0
