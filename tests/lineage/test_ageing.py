"""Edges age by the moment asked for: stale, then gone, unless their producer is heard of; what people and views say does not."""

from __future__ import annotations

import pytest
from tests.lineage.graphs import binding, day, given, lineage, reader, run, store

from factbook.lineage.ageing import Ages
from factbook.lineage.view import View
from factbook.repository.sql import SqlRepository

AGES = Ages(stale_days=10, gone_days=20)


def at(repository: SqlRepository, number: float, *, include_gone: bool = False) -> str | None:
    """Return how the one edge from a is shown on a day: fresh, stale or not at all. Every reader must agree."""
    lineages = reader(repository, ages=AGES)
    view = View(as_of=day(number), include_gone=include_gone)
    items = lineages.closure("erp.public.a", "downstream", view=view).items
    entries = lineages.entries(view=view).items
    counts = lineages.stats(view=view)
    assert [item.stale for item in items] == [entry.stale for entry in entries]
    assert len(lineages.reached("erp.public.a", "downstream", view=view)) == len(items) == counts.edges
    assert counts.stale == sum(item.stale for item in items)
    assert [item.stale for item in lineages.breaks("erp.public.a", view=view).items] == [item.stale for item in items]
    return None if not items else "stale" if items[0].stale else "fresh"


def test_an_edge_grows_stale_and_goes_and_is_still_there_for_who_asks(repository: SqlRepository) -> None:
    store(repository, lineage("b", ["a"], at=0))
    assert [at(repository, number) for number in (0, 10, 11, 20, 21)] == ["fresh", "fresh", "stale", "stale", None]
    assert at(repository, 50, include_gone=True) == "stale"


@pytest.mark.parametrize(
    "confirms", [{"by": "job"}, {"by": "x", "confirms": ["job"]}, {"by": "x", "confirms": ["jo*"]}, {"by": "x", "confirms": ["*"]}]
)
def test_a_run_of_the_producer_keeps_it_fresh_from_then_on_and_not_before(repository: SqlRepository, confirms: dict[str, object]) -> None:
    store(repository, lineage("b", ["a"], at=0), run(at=15, **confirms))  # type: ignore[arg-type]
    assert [at(repository, number) for number in (11, 14.9, 15, 25, 26, 35, 36)] == [
        "stale", "stale", "fresh", "fresh", "stale", "stale", None,
    ]  # fmt: skip


def test_a_run_of_somebody_else_changes_nothing(repository: SqlRepository) -> None:
    store(
        repository,
        lineage("b", ["a"], at=0),
        run(at=15, by="JOB"),
        run(at=15, by="x", confirms=["jobs*", "JO*"]),
        run(at=15, tenant="meadow"),
    )
    assert at(repository, 16) == "stale"


def test_a_run_that_came_before_the_fact_was_told_counts(repository: SqlRepository) -> None:
    store(repository, run(at=15))
    store(repository, lineage("b", ["a"], at=0))
    assert (at(repository, 16), at(repository, 30)) == ("fresh", "stale")


@pytest.mark.parametrize("origin", ["view", "foreign_key", "manual"])
def test_what_views_keys_and_people_say_has_no_age(repository: SqlRepository, origin: str) -> None:
    store(repository, lineage("b", ["a"], at=0, origin=origin))
    assert at(repository, 5000) == "fresh"


def test_a_binding_does_not_make_an_edge_younger(repository: SqlRepository) -> None:
    store(repository, lineage("b", ["s3://lake/x"], at=0), binding("s3://lake/x", "a", at=15))
    assert (at(repository, 16), at(repository, 21)) == ("stale", None)


def test_now_is_a_moment_as_well(repository: SqlRepository) -> None:
    store(
        repository, lineage("b", ["a"], at=-3000), lineage("c", [given("a", confidence=0.5)], at=-3000, by="kept"), run(at=3000, by="kept")
    )
    lineages = reader(repository, ages=AGES)
    assert [item.node.name for item in lineages.closure("erp.public.a", "downstream").items] == ["erp.public.c"]
    assert len(lineages.reached("erp.public.a", "downstream")) == 1
    assert (lineages.stats().edges, lineages.stats().gone) == (1, 1)
    assert [entry.target for entry in lineages.entries(limit=1).items] == ["erp.public.c"]
    assert lineages.entries(limit=1).next_cursor is None


def test_of_equally_sure_edges_the_fresh_one_counts(repository: SqlRepository) -> None:
    store(repository, lineage("b", ["a"], at=0, by="old"), lineage("b", ["a"], at=14, by="new"))
    (item,) = reader(repository, ages=AGES).closure("erp.public.a", "downstream", view=View(as_of=day(15))).items
    assert (item.stale, item.producer_id) == (False, "new")
