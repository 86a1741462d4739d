"""Lineage a step at a time: what is shown, what is counted, what is left out, and that nothing of it depends on the store's numbers."""

from __future__ import annotations

import pytest
from tests.lineage.graphs import binding, day, given, lineage, run, store
from tests.lineage.graphs import reader as ageing_reader

from factbook.errors import InvalidRequest, NotFound
from factbook.lineage.ageing import Ages
from factbook.lineage.exploring import MAX_EXPANDED, MAX_FAN, MAX_SHOWN
from factbook.lineage.model import Exploration
from factbook.lineage.reading import LineageReader
from factbook.lineage.view import View
from factbook.repository.sql import SqlRepository

HOSTILE = '<script>alert("1")</script>'


def reader(repository: SqlRepository, tenant: str = "default") -> LineageReader:
    """Return a reader to which nothing is old."""
    return ageing_reader(repository, tenant=tenant, ages=Ages(50_000, 50_000))


def shown(found: Exploration) -> dict[str, tuple[int | None, int | None]]:
    return {item.node.name: (item.upstream, item.downstream) for item in found.items}


def keys(found: Exploration) -> dict[str, str]:
    return {item.node.name: item.key for item in [*found.items, *found.left_out]}


def more(found: Exploration) -> dict[str, tuple[int, int]]:
    counts = {item.node.name: (item.more_upstream, item.more_downstream) for item in found.items}
    return {name: count for name, count in counts.items() if count != (0, 0)}


def edges(found: Exploration) -> set[tuple[str, str]]:
    names = {item.key: item.node.name for item in found.items}
    return {(names[edge.source], names[edge.target]) for edge in found.edges}


@pytest.fixture
def chain(repository: SqlRepository) -> SqlRepository:
    """a → b → c → d → e, and s beside b."""
    store(repository, *(lineage(after, [before]) for before, after in ("ab", "bc", "cd", "de")), lineage("c", ["b", "s"], by="other"))
    return repository


def test_one_step_both_ways_first_and_what_lies_behind_is_counted(chain: SqlRepository) -> None:
    found = reader(chain).explore("erp.public.c")
    assert shown(found) == {
        "erp.public.c": (0, 0),
        "erp.public.b": (1, None),
        "erp.public.s": (1, None),
        "erp.public.d": (None, 1),
    }
    assert more(found) == {"erp.public.b": (1, 0), "erp.public.d": (0, 1)}
    assert edges(found) == {("erp.public.b", "erp.public.c"), ("erp.public.s", "erp.public.c"), ("erp.public.c", "erp.public.d")}
    assert (found.left_out_total, found.truncated, found.is_counted) == (0, False, True)
    # Two producers tell of b and c: each edge is told.
    assert [edge.producer_id for edge in found.edges if edge.target == keys(found)["erp.public.c"]] == ["job", "other", "other"]


def test_what_is_expanded_shows_one_step_more_and_what_is_not_reached_does_nothing(chain: SqlRepository) -> None:
    first = reader(chain).explore("erp.public.c")
    found = reader(chain).explore("erp.public.c", expanded=[keys(first)["erp.public.d"], "0" * 12])
    assert shown(found).keys() - shown(first).keys() == {"erp.public.e"}
    assert more(found) == {"erp.public.b": (1, 0)}
    again = reader(chain).explore("erp.public.c", ("upstream",), expanded=[keys(first)["erp.public.d"]])
    assert set(shown(again)) == {"erp.public.c", "erp.public.b", "erp.public.s"}


def test_edges_between_what_is_shown_are_all_there(repository: SqlRepository) -> None:
    store(repository, lineage("m", ["a"]), lineage("z", ["m", "a"]))
    assert edges(reader(repository).explore("erp.public.m")) == {
        ("erp.public.a", "erp.public.m"),
        ("erp.public.m", "erp.public.z"),
        ("erp.public.a", "erp.public.z"),
    }


def test_a_circle_ends_and_says_how_far_each_is_either_way(repository: SqlRepository) -> None:
    store(repository, lineage("a", ["c", "a"]), lineage("b", ["a"]), lineage("c", ["b"]))
    first = reader(repository).explore("erp.public.a")
    assert shown(first) == {"erp.public.a": (0, 0), "erp.public.b": (None, 1), "erp.public.c": (1, None)}
    found = reader(repository).explore("erp.public.a", expanded=list(keys(first).values()))
    assert shown(found) == {"erp.public.a": (0, 0), "erp.public.b": (2, 1), "erp.public.c": (1, 2)}
    assert more(found) == {}


def test_a_fan_of_a_thousand_is_bounded_counted_and_listed_in_pages(repository: SqlRepository) -> None:
    store(repository, *(lineage(f"t{number:04}", ["hub"]) for number in range(1000)), lineage("end", ["t0777"]))
    first = reader(repository).explore("erp.public.hub", limit=100)
    assert len(first.items) == MAX_FAN + 1
    assert first.left_out_total == 1000 - MAX_FAN
    assert more(first) == {"erp.public.hub": (0, 1000 - MAX_FAN)}
    seen, cursor = [item.node.name for item in first.left_out], first.next_cursor
    while cursor is not None:
        page = reader(repository).explore("erp.public.hub", limit=100, cursor=cursor)
        assert page.items == first.items
        seen += [item.node.name for item in page.left_out]
        cursor = page.next_cursor
    assert sorted([*seen, *shown(first)]) == sorted(["erp.public.hub", *(f"erp.public.t{number:04}" for number in range(1000))])
    assert len(seen) == len(set(seen))
    # What is left out can be asked for, and is then shown with what lies behind it.
    page = reader(repository).explore("erp.public.hub", limit=1000)
    asked = reader(repository).explore("erp.public.hub", expanded=[keys(page)["erp.public.t0777"]])
    assert {"erp.public.t0777", "erp.public.end"} <= set(shown(asked))
    assert len(asked.items) <= MAX_FAN + 3


def test_many_fans_share_one_picture(repository: SqlRepository) -> None:
    store(
        repository,
        *(lineage(f"m{fan:02}", ["hub"]) for fan in range(20)),
        *(lineage(f"m{fan:02}_{leaf:02}", [f"m{fan:02}"]) for fan in range(20) for leaf in range(40)),
    )
    first = reader(repository).explore("erp.public.hub")
    found = reader(repository).explore("erp.public.hub", expanded=[key for name, key in keys(first).items() if "m" in name])
    assert len(found.items) == MAX_SHOWN
    assert len(found.items) + found.left_out_total == 1 + 20 + 800
    leaves = [name for name in shown(found) if "_" in name]
    assert {name.rpartition("_")[0] for name in leaves} == {f"erp.public.m{fan:02}" for fan in range(20)}


def test_columns_are_followed_of_one_or_of_all(repository: SqlRepository) -> None:
    store(
        repository,
        lineage("b", [given("a", columns={"x": ["p"], "y": ["q", "p"]})]),
        lineage("c", [given("b", columns={"z": ["x"]})]),
    )
    one = reader(repository).explore("erp.public.b.x")
    assert shown(one) == {"erp.public.b.x": (0, 0), "erp.public.a.p": (1, None), "erp.public.c.z": (None, 1)}
    whole = reader(repository).explore("erp.public.b", columns=True)
    assert len(whole.focus) == 2
    assert edges(whole) == {
        ("erp.public.a.p", "erp.public.b.x"),
        ("erp.public.a.p", "erp.public.b.y"),
        ("erp.public.a.q", "erp.public.b.y"),
        ("erp.public.b.x", "erp.public.c.z"),
    }
    [table] = reader(repository).explore("erp.public.c").edges
    assert (table.columns, table.columns_total) == ([("x", "z")], 1)
    assert reader(repository).columns("erp.public.b") == ["x", "y"]


def test_another_moment_shows_what_held_then(repository: SqlRepository) -> None:
    store(repository, lineage("b", ["a"], at=1))
    store(repository, lineage("b", ["z"], at=5))
    assert set(shown(reader(repository).explore("erp.public.b", view=View(as_of=day(2))))) == {"erp.public.b", "erp.public.a"}
    assert set(shown(reader(repository).explore("erp.public.b", view=View(as_of=day(6))))) == {"erp.public.b", "erp.public.z"}
    assert set(shown(reader(repository).explore("erp.public.b", view=View(as_of=day(0))))) == {"erp.public.b"}


def test_age_and_filters_count_as_everywhere(repository: SqlRepository) -> None:
    store(repository, lineage("b", ["a"], by="old"), lineage("b", ["v"], by="view", origin="view"), run(at=0, by="old"))
    late = View(as_of=day(60))
    found = ageing_reader(repository).explore("erp.public.b", view=late)
    assert {edge.producer_id: edge.stale for edge in found.edges} == {"old": True, "view": False}
    gone = View(as_of=day(400))
    assert set(shown(ageing_reader(repository).explore("erp.public.b", view=gone))) == {"erp.public.b", "erp.public.v"}
    everything = View(as_of=day(400), include_gone=True)
    assert len(ageing_reader(repository).explore("erp.public.b", view=everything).edges) == 2
    assert len(ageing_reader(repository).explore("erp.public.b", view=View(as_of=day(1), origins=["view"])).edges) == 1


def test_hostile_names_are_names_and_two_nodes_never_share_a_key(repository: SqlRepository) -> None:
    store(repository, lineage(f"s3://x/{HOSTILE}", ["a"]), lineage("#a.b.c", ["a"]), lineage("s3://x/a b;'--", ["a"]))
    found = reader(repository).explore("erp.public.a")
    assert {f"s3://x/{HOSTILE}", "a.b.c", "s3://x/a b;'--"} <= set(shown(found))
    assert len({item.key for item in found.items}) == len(found.items)


def test_what_is_known_without_lineage_is_alone_and_what_is_unknown_is_not_found(chain: SqlRepository) -> None:
    with pytest.raises(NotFound):
        reader(chain).explore("erp.public.nowhere")
    with pytest.raises(NotFound):
        reader(chain, tenant="other").explore("erp.public.c")
    with pytest.raises(InvalidRequest, match="are to be expanded"):
        reader(chain).explore("erp.public.c", expanded=[str(number) for number in range(MAX_EXPANDED + 1)])


def test_names_are_found_by_their_words_in_one_tenant_alone(chain: SqlRepository) -> None:
    store(chain, lineage("Order_Items", ["orders_100%"]), lineage("order_hidden", ["x"], tenant="other"))
    store(chain, binding("s3://x/orders", "orders_100%"))
    assert [node.name for node in reader(chain).search("ITEMS order")] == ["erp.public.Order_Items"]
    assert [node.name for node in reader(chain).search("0%")] == ["erp.public.orders_100%"]
    assert reader(chain).search("_%_") == []
    assert reader(chain).search("hidden") == []
    assert [node.name for node in reader(chain).search("erp", limit=2)] == ["erp.public.a", "erp.public.b"]


def test_what_breaks_tells_the_shortest_way_and_counts_kinds_and_jobs(chain: SqlRepository) -> None:
    job = {"namespace": "etl", "name": "nightly"}
    store(chain, lineage("#board", ["d", "b"], job=job), lineage("s3://x/out", ["e"], job=job))
    found = reader(chain).breaks("erp.public.b")
    ways = {item.node.name: item.way for item in found.items}
    assert ways["board"] == ["erp.public.b", "board"]
    assert ways["s3://x/out"] == ["erp.public.b", "erp.public.c", "erp.public.d", "erp.public.e", "s3://x/out"]
    assert all(len(item.way) == item.distance + 1 for item in found.items)
    assert found.kinds == {"table": 3, "product": 1, "dataset": 1}
    assert found.jobs == {"etl/nightly": 2}
    only = reader(chain).breaks("erp.public.b", kinds=["product"])
    assert ([item.node.name for item in only.items], only.total) == (["board"], 5)
