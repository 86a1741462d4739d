"""Closures, paths, breaks and entries on both engines."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests.lineage.graphs import binding, day, given, lineage, reader, store, table

from factbook.errors import InvalidRequest, NotFound
from factbook.lineage import walking
from factbook.lineage.origins import sayings
from factbook.lineage.reading import LineageReader
from factbook.lineage.tables import facts
from factbook.lineage.view import View
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord

NOW = View(include_gone=True)


def names(lineages: LineageReader, name: str, direction: str, **options: object) -> list[tuple[str, int, float]]:
    found = lineages.closure(name, direction, **{"view": NOW, **options})  # type: ignore[arg-type]
    return [(item.node.name, item.distance, item.confidence) for item in found.items]


@pytest.fixture
def shop(repository: SqlRepository) -> LineageReader:
    """Give orders → clean → (daily → report), with a circle and a longer, surer way to the report."""
    store(
        repository,
        lineage("clean", [given("orders", confidence=0.9), "customers"], by="etl"),
        lineage("daily", [given("clean", confidence=0.8, type="aggregated")], by="etl2", origin="openlineage"),
        lineage("#report", [given("daily", confidence=0.5)], by="bi"),
        lineage("#report", [given("clean", confidence=0.3, type="derived")], by="bi2"),
        lineage("orders", ["clean"], by="back"),
        lineage("other", ["elsewhere"], by="etl", tenant="meadow"),
    )
    return reader(repository)


def test_what_is_reached_comes_nearest_first_with_the_best_confidence(shop: LineageReader) -> None:
    assert names(shop, "erp.public.orders", "downstream") == [
        ("erp.public.clean", 1, 0.9),
        ("erp.public.daily", 2, 0.72),
        ("report", 2, 0.36),
    ]
    assert names(shop, "report", "upstream") == [
        ("erp.public.clean", 1, 0.4),
        ("erp.public.daily", 1, 0.5),
        ("erp.public.customers", 2, 0.4),
        ("erp.public.orders", 2, 0.36),
    ]


def test_via_names_the_last_step_of_the_best_path(shop: LineageReader) -> None:
    report = shop.closure("erp.public.clean", "downstream", view=NOW).items[-1]
    assert (report.node.name, report.distance, report.via, report.producer_id, report.lineage_type) == (
        "report", 1, "erp.public.daily", "bi", "direct",
    )  # fmt: skip


def test_depth_types_origins_and_kinds_narrow_it(shop: LineageReader) -> None:
    assert names(shop, "erp.public.orders", "downstream", depth=1) == [("erp.public.clean", 1, 0.9)]
    by_type = View(types=["direct", "derived"], include_gone=True)
    assert [item[0] for item in names(shop, "erp.public.clean", "downstream", view=by_type)] == ["erp.public.orders", "report"]
    by_origin = View(origins=["openlineage"], include_gone=True)
    assert names(shop, "erp.public.clean", "downstream", view=by_origin) == [("erp.public.daily", 1, 0.8)]
    assert [item[0] for item in names(shop, "erp.public.orders", "downstream", kinds=["product"])] == ["report"]


def test_pages_put_together_are_the_whole(shop: LineageReader) -> None:
    whole = shop.closure("report", "upstream", view=NOW)
    cursor, items = None, []
    while True:
        page = shop.closure("report", "upstream", limit=1, cursor=cursor, view=NOW)
        assert page.total == whole.total == 4
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert items == whole.items


def test_too_much_is_cut_and_says_so(repository: SqlRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    store(repository, *(lineage(f"copy{number}", ["a"]) for number in range(10)))
    monkeypatch.setattr(walking.walk, "__kwdefaults__", {"depth": 100, "max_reached": 4})
    found = reader(repository).closure("erp.public.a", "downstream", view=NOW)
    assert (len(found.items), found.total, found.truncated) == (4, 4, True)


def test_the_bare_set_is_the_same_as_the_walk(shop: LineageReader) -> None:
    for name in ("erp.public.orders", "erp.public.clean", "report"):
        for direction in ("upstream", "downstream"):
            assert len(shop.reached(name, direction, view=NOW)) == shop.closure(name, direction, view=NOW).total  # type: ignore[arg-type]
            assert len(shop.reached(name, direction, depth=1, view=NOW)) == shop.closure(name, direction, depth=1, view=NOW).total  # type: ignore[arg-type]


def test_another_tenant_sees_its_own_alone(repository: SqlRepository, shop: LineageReader) -> None:
    other = reader(repository, tenant="meadow")
    assert names(other, "erp.public.elsewhere", "downstream") == [("erp.public.other", 1, 1.0)]
    with pytest.raises(NotFound):
        other.find("erp.public.orders")
    with pytest.raises(NotFound):
        shop.find("erp.public.elsewhere")


def test_time_travel_shows_what_held_then(repository: SqlRepository) -> None:
    store(repository, lineage("a", ["b"], at=1), lineage("a", ["c"], at=5), lineage("a", None, at=8), lineage("a", ["d"], at=3))
    shown = {
        number: [item[0][-1] for item in names(reader(repository), "erp.public.a", "upstream", view=View(as_of=day(number)))]
        for number in range(10)
    }
    assert shown == {0: [], 1: ["b"], 2: ["b"], 3: ["d"], 4: ["d"], 5: ["c"], 6: ["c"], 7: ["c"], 8: [], 9: []}
    assert names(reader(repository), "erp.public.a", "upstream") == []


def test_a_binding_moves_edges_and_taken_back_moves_them_back(repository: SqlRepository) -> None:
    store(repository, lineage("a", ["s3://lake/x"]), binding("s3://lake/x", "b", at=2), lineage("c", ["b"], by="view"))
    assert names(reader(repository), "erp.public.a", "upstream") == [("erp.public.b", 1, 1.0)]
    assert [item[0] for item in names(reader(repository), "erp.public.b", "downstream")] == ["erp.public.a", "erp.public.c"]
    assert names(reader(repository), "s3://lake/x", "downstream") == []
    assert names(reader(repository), "erp.public.a", "upstream", view=View(as_of=day(1))) == [("s3://lake/x", 1, 1.0)]
    store(repository, binding("s3://lake/x", None, at=4))
    assert names(reader(repository), "erp.public.a", "upstream") == [("s3://lake/x", 1, 1.0)]
    store(repository, binding("s3://lake/", None, at=5, ignored=True))
    assert names(reader(repository), "erp.public.a", "upstream") == []


def test_a_name_is_settled_however_its_namespace_is_written(repository: SqlRepository) -> None:
    store(repository, lineage("a", ["s3a://lake/x"]), binding("s3://lake/x", "b", at=2), lineage("c", ["s3n://lake/x"], at=3))
    assert names(reader(repository), "erp.public.b", "downstream") == [("erp.public.a", 1, 1.0), ("erp.public.c", 1, 1.0)]
    assert names(reader(repository), "s3a://lake/x", "downstream") == []
    store(repository, binding("s3n://lake/x", "d", at=4))
    assert [item[0] for item in names(reader(repository), "erp.public.d", "downstream")] == ["erp.public.a", "erp.public.c"]
    store(repository, binding("s3n://lake/x", None, at=4), binding("s3://lake/x", None, at=4))
    assert names(reader(repository), "erp.public.b", "downstream") == []
    assert names(reader(repository), "s3a://lake/x", "downstream") == [("erp.public.a", 1, 1.0)]
    store(repository, binding("s3://lake/", None, at=5, ignored=True))
    assert names(reader(repository), "erp.public.a", "upstream") == names(reader(repository), "erp.public.c", "upstream") == []


def test_columns_are_followed_through_columns(repository: SqlRepository) -> None:
    store(
        repository,
        lineage("b", [given("a", columns={"total": ["price", "amount"]}, confidence=0.5)]),
        lineage("c", [given("b", columns={"sum": ["total"]})]),
    )
    lineages = reader(repository)
    assert names(lineages, "erp.public.c.sum", "upstream") == [
        ("erp.public.b.total", 1, 1.0),
        ("erp.public.a.amount", 2, 0.5),
        ("erp.public.a.price", 2, 0.5),
    ]
    assert names(lineages, "erp.public.a.price", "downstream", limit=1) == [("erp.public.b.total", 1, 0.5)]
    assert names(lineages, "erp.public.a", "downstream", columns=True) == [("erp.public.b.total", 1, 0.5), ("erp.public.c.sum", 2, 0.5)]
    with pytest.raises(NotFound, match="no column 'nothing'"):
        lineages.find("erp.public.a.nothing")


def test_what_breaks_follows_columns_where_they_are_known_and_tables_where_not(repository: SqlRepository) -> None:
    store(
        repository,
        lineage("b", [given("a", columns={"x": ["x"], "y": ["y"]})]),
        lineage("c", [given("b", columns={"x2": ["x"]})]),
        lineage("d", ["b"]),
        lineage("e", [given("d", columns={"z": ["z"]})]),
        lineage("#p", [given("c", columns={"only_y": ["y"]})]),
        lineage("a", ["c"], by="circle"),
    )
    lineages = reader(repository)
    of_column = lineages.breaks("erp.public.a.x", view=NOW)
    assert [(item.node.name[-1], item.distance, item.columns, item.columns_known, item.via[-1]) for item in of_column.items] == [
        ("b", 1, ["x"], True, "a"),
        ("c", 2, ["x2"], True, "b"),
        ("d", 2, [], False, "b"),
        ("e", 3, [], False, "d"),
    ]
    assert (of_column.total, of_column.columns_total, of_column.products) == (4, 2, [])
    of_table = lineages.breaks("erp.public.a", view=NOW)
    assert [(item.node.name[-1], item.columns) for item in of_table.items] == [("b", ["x", "y"]), ("c", ["x2"]), ("d", []), ("e", [])]
    of_whole = lineages.breaks("erp.public.c", view=NOW)
    assert of_whole.products == ["p"]
    page = lineages.breaks("erp.public.a", limit=3, view=NOW)
    assert lineages.breaks("erp.public.a", limit=3, cursor=page.next_cursor, view=NOW).items == of_table.items[3:]


def test_paths_are_named_surest_first(shop: LineageReader) -> None:
    found = shop.paths("erp.public.orders", "report", view=NOW)
    assert [(path.confidence, [step.target for step in path.steps]) for path in found.items] == [
        (0.36, ["erp.public.clean", "erp.public.daily", "report"]),
        (0.27, ["erp.public.clean", "report"]),
    ]
    assert shop.paths("report", "erp.public.orders", view=NOW).items == []
    cut = shop.paths("erp.public.orders", "report", limit=1, view=NOW)
    assert (len(cut.items), cut.truncated) == (1, True)


def test_neighbours_are_nodes_and_the_edges_between(shop: LineageReader) -> None:
    found = shop.neighbours("erp.public.clean", view=NOW)
    assert [node.name for node in found.nodes] == [
        "erp.public.clean",
        "erp.public.customers",
        "erp.public.daily",
        "erp.public.orders",
        "report",
    ]
    assert ("erp.public.clean", "report", 0.3) in [(edge.source, edge.target, edge.confidence) for edge in found.edges]


def test_entries_are_listed_by_pages_offsets_and_filters(shop: LineageReader) -> None:
    whole = shop.entries(view=NOW).items
    assert [(item.source, item.target) for item in whole] == [
        ("erp.public.orders", "erp.public.clean"),
        ("erp.public.customers", "erp.public.clean"),
        ("erp.public.clean", "erp.public.daily"),
        ("erp.public.daily", "report"),
        ("erp.public.clean", "report"),
        ("erp.public.clean", "erp.public.orders"),
    ]
    first = shop.entries(limit=2, view=NOW)
    assert first.items + shop.entries(limit=4, cursor=first.next_cursor, view=NOW).items == whole
    assert shop.entries(offset=4, view=NOW).items == whole[4:]
    assert shop.entries(source="erp.public.clean", limit=2, view=NOW).next_cursor is not None
    assert [item.target for item in shop.entries(target="report", view=View(types=["derived"], include_gone=True)).items] == ["report"]
    assert shop.entries(producer_id="bi", view=NOW).items == [whole[3]]
    with pytest.raises(InvalidRequest, match="offset"):
        shop.entries(offset=10**6)


def test_an_entry_says_since_when_and_what_was_told(repository: SqlRepository) -> None:
    said = given("b", metadata={"tool": "spark"}, transformation="cleaned", columns={"x": ["x"]})
    more = {"job": {"namespace": "airflow", "name": "nightly"}, "evidence": {"file": "x.sql", "line": 3}}
    store(repository, lineage("a", ["b"], at=1), lineage("a", [said], at=4, **more))
    (entry,) = reader(repository).entries(view=NOW).items
    assert (entry.timestamp, entry.first_seen, entry.last_seen) == (day(4), day(1), day(4))
    assert (entry.metadata, entry.transformation, entry.columns) == ({"tool": "spark"}, "cleaned", 1)
    assert (entry.job, entry.evidence) == ("airflow/nightly", {"file": "x.sql", "line": 3})


def test_a_table_without_lineage_is_known_and_a_name_that_never_was_is_not(repository: SqlRepository) -> None:
    snapshot = {"object_type": "table", "columns": [{"name": "id", "position": 1, "data_type": "int"}]}
    product = {"name": "lonely", "domain": "sales", "status": "active"}
    store(
        repository,
        MetadataRecord(table("quiet"), "schema_snapshot", snapshot, day(0), "scan.v1"),
        MetadataRecord(table("#lonely"), "data_product", product, day(0), "x"),
        lineage("quite", ["orders"]),
    )
    lineages = reader(repository)
    for name in ("erp.public.quiet", "erp.public.quiet.id", "lonely"):
        found = lineages.closure(name, "upstream")
        assert (found.known, found.items, found.node.name) == (True, [], name)
        assert lineages.breaks(name).items == []
    with pytest.raises(NotFound) as error:
        lineages.find("erp.public.ORDER")
    assert "erp.public.orders" in error.value.fix


def test_names_are_found_however_they_are_written(repository: SqlRepository) -> None:
    odd = MetadataRecord(table("x.y/z"), "lineage", {"origin": "sql", "inputs": []}, day(0), "j", MetadataContext())
    store(repository, lineage("s3://lake/in.csv", ["#a.b.c", "bigquery/p.d.t"]), odd)
    lineages = reader(repository)
    for name, shown in {
        "s3://lake/in.csv": "s3://lake/in.csv",
        "s3://lake.in.csv": "s3://lake/in.csv",
        "a.b.c": "a.b.c",
        "data_products.a.b.c": "a.b.c",
        "bigquery/p.d.t": "bigquery/p.d.t",
        "bigquery.p.d.t": "bigquery/p.d.t",
    }.items():
        assert lineages.find(name).name == shown


def test_stats_follow_from_the_edges(shop: LineageReader) -> None:
    found = shop.stats(view=NOW)
    assert (found.edges, found.nodes, found.by_type) == (6, 5, {"direct": 4, "derived": 1, "aggregated": 1})
    assert found.by_origin == {"openlineage": 1, "sql": 5}
    assert found.average_confidence == pytest.approx((0.9 + 1 + 0.8 + 0.5 + 0.3 + 1) / 6)
    assert (found.most_connected[0].name, found.most_connected[0].upstream, found.most_connected[0].downstream) == (
        "erp.public.clean",
        2,
        3,
    )


def test_sources_without_lineage_are_named(repository: SqlRepository) -> None:
    counts = {"tables": 0, "added": 0, "changed": 0, "unchanged": 0, "removed": 0, "failed": 0}
    said = {
        "engine": "sqlite",
        "engine_version": "3",
        "scope": {},
        "schemas": {},
        "schemas_complete": True,
        "counts": counts,
        "duration_seconds": 1.0,
    }
    for source_id in ("erp", "crm"):
        store(repository, MetadataRecord(table("a").__class__(source_id), "catalog_scan", said, day(0), "scan.v1"))
    store(repository, lineage("a", ["b"], at=0))
    assert reader(repository).stats(view=NOW).sources_without_lineage == ["crm"]
    assert reader(repository).stats(view=View(as_of=day(0) - timedelta(days=1))).edges == 0


def test_what_cannot_be_is_refused_with_its_field(shop: LineageReader) -> None:
    with pytest.raises(InvalidRequest, match="depth"):
        shop.closure("report", "upstream", depth=0)
    with pytest.raises(InvalidRequest, match="cursor"):
        shop.closure("report", "upstream", cursor="zz")
    with pytest.raises(InvalidRequest, match="kind"):
        shop.closure("report", "upstream", kinds=["dashboard"])
    with pytest.raises(InvalidRequest, match="lineage_type"):
        View(types=["copied"])


def test_who_said_an_edge_is_read_of_the_inputs_that_are_shown_alone(repository: SqlRepository) -> None:
    store(repository, lineage("hub", [f"p{number:03}" for number in range(60)], by="etl"))
    with repository.reading() as connection:
        fact = connection.scalars(select(facts.c.fact)).one()
        assert set(sayings(connection, [(fact, 3), (fact, 7)])) == {(fact, 3), (fact, 7)}


def test_many_who_ask_for_a_name_that_no_lineage_has_do_not_wait_for_each_other_for_ever(shop: LineageReader) -> None:
    together = threading.Barrier(30)

    def ask(number: int) -> bool:
        together.wait()
        with pytest.raises(NotFound):
            shop.closure(f"nobody-{number}", "upstream", view=NOW)
        return True

    with ThreadPoolExecutor(30) as threads:
        assert all(threads.map(ask, range(30)))
