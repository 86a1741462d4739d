"""The view of lineage says at every moment what the log says, whatever came late, was bound, taken back or dropped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lineage.conftest import url_of
from tests.lineage.graphs import binding, contents, day, lineage, opened, reader, run, store, table
from tests.lineage.graphs import given as an_input

from factbook.lineage.naming import name_of
from factbook.lineage.view import View
from factbook.repository.dropping import Drop, all_channels, drop_due
from factbook.repository.rows import microseconds
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository

TABLES = ["a", "b", "s3://lake/x", "s3://lake/y", "#p"]
FOREIGN = ["s3://lake/x", "s3://lake/y"]
PRODUCERS = ["job", "view", "jobs/nightly"]
DAYS = st.integers(0, 9)
INPUTS = st.lists(
    st.one_of(
        st.sampled_from(TABLES),
        st.builds(an_input, st.sampled_from(TABLES), columns=st.just({"id": ["id", "k"]}), confidence=st.sampled_from([0.5, 1.0])),
    ),
    max_size=3,
)
FACTS = st.builds(lineage, st.sampled_from(TABLES), st.one_of(st.none(), INPUTS), at=DAYS, by=st.sampled_from(PRODUCERS))
BINDINGS = st.one_of(
    st.builds(binding, st.sampled_from(FOREIGN), st.sampled_from([None, "a", "b", "c"]), at=DAYS, by=st.sampled_from(["ada", "bob"])),
    st.builds(binding, st.sampled_from([*FOREIGN, "s3://lake/"]), st.none(), at=DAYS, ignored=st.booleans()),
)
RUNS = st.builds(run, at=DAYS, by=st.sampled_from(PRODUCERS), confirms=st.sampled_from([[], ["view"], ["jobs/*"], ["*"]]))
LOGS = st.lists(st.one_of(FACTS, FACTS, BINDINGS, RUNS), max_size=14)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request, tmp_path)


def meant(repository: MetadataRepository, target: MetadataTarget, number: int) -> MetadataTarget | None:
    """Return what a name means on a day, by the log alone."""
    own = repository.latest(target, "name_binding", as_of=day(number))
    payload = own.record.payload if own is not None else None
    if payload is not None and payload.get("ignored"):
        return None
    if payload is not None and payload.get("table"):
        return MetadataTarget(payload["source_id"], payload.get("schema"), payload["table"])
    space = repository.latest(MetadataTarget(target.source_id), "name_binding", as_of=day(number)) if target.schema is None else None
    is_hidden = space is not None and (space.record.payload or {}).get("ignored")
    return None if is_hidden else target


def edges_by_the_log(repository: MetadataRepository, number: int) -> list[tuple[str, str, str, float]]:
    found = []
    for producer_id in PRODUCERS:
        for name in TABLES:
            stored = repository.latest(table(name), "lineage", producer_id=producer_id, as_of=day(number))
            output = meant(repository, table(name), number)
            if stored is None or stored.record.payload is None or output is None:
                continue
            for one in stored.record.payload["inputs"]:
                said = one["table"]
                source = meant(repository, MetadataTarget(said["source_id"], said.get("schema"), said["table"]), number)
                if source is not None:
                    found.append((shown(source), shown(output), producer_id, one.get("confidence", 1.0)))
    return sorted(found)


def shown(target: MetadataTarget) -> str:
    return name_of((target.source_id, target.schema or "", target.table or ""))


def edges_by_the_view(repository: MetadataRepository, number: int) -> list[tuple[str, str, str, float]]:
    entries = reader(repository).entries(view=View(as_of=day(number), include_gone=True), limit=1000)  # type: ignore[arg-type]
    return sorted((item.source, item.target, item.producer_id, item.confidence) for item in entries.items)


@settings(max_examples=40)
@given(log=LOGS, sizes=st.integers(1, 6))
def test_every_moment_is_as_the_log_says_and_a_rebuild_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, log: list[MetadataRecord], sizes: int
) -> None:
    check_log(f"sqlite:///{tmp_path_factory.mktemp('lineage')}/store.sqlite", log, sizes)


def check_log(url: str, log: list[MetadataRecord], sizes: int) -> None:
    repository = opened(url)
    try:
        for start in range(0, len(log), sizes):
            store(repository, *log[start : start + sizes])
        for number in range(-1, 11):
            assert edges_by_the_view(repository, number) == edges_by_the_log(repository, number), f"day {number}"
        before = contents(repository)
        repository.rebuild()
        assert contents(repository) == before
    finally:
        repository.close()


def test_it_is_the_same_on_both_engines(url: str) -> None:
    log = [
        lineage("a", ["s3://lake/x", an_input("b", columns={"id": ["id"]}, confidence=0.5)], at=5),
        lineage("a", ["b"], at=2),
        binding("s3://lake/x", "c", at=3),
        lineage("#p", ["a"], at=1, by="jobs/nightly"),
        binding("s3://lake/x", None, at=7),
        binding("s3://lake/", None, at=8, ignored=True),
        run(at=9, confirms=["jobs/*"]),
        lineage("a", None, at=9),
    ]
    check_log(url, log, 3)


@settings(max_examples=25)
@given(log=LOGS, before=DAYS, kind=st.sampled_from(["lineage", "name_binding", "lineage_run"]))
def test_what_is_dropped_from_the_log_is_forgotten_as_if_it_had_never_been(
    tmp_path_factory: pytest.TempPathFactory, log: list[MetadataRecord], before: int, kind: str
) -> None:
    repository = opened(f"sqlite:///{tmp_path_factory.mktemp('lineage')}/store.sqlite")
    try:
        store(repository, *log)
        with repository.reading() as connection:
            channel = next((one for one in all_channels(connection) if one.kind == kind), None)
        if channel is None:
            return
        until = microseconds(day(before) + timedelta(hours=1))
        drop_due(repository, Drop(channel.channel_no, channel.tenant, kind, until, 0, keeps_state=kind != "lineage_run"))
        left = contents(repository)
        repository.rebuild()
        assert contents(repository) == left
    finally:
        repository.close()


def test_facts_about_parts_of_tables_make_no_edges(tmp_path: Path) -> None:
    repository = opened(f"sqlite:///{tmp_path}/store.sqlite")
    whole = lineage("a", ["b"])
    part = MetadataTarget("erp", "public", "a", {"partition": "2026"})
    store(repository, MetadataRecord(part, "lineage", whole.payload, whole.produced_at, "job"))
    assert reader(repository).entries().items == []
    repository.close()
