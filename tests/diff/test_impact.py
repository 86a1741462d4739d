"""Whom a change hits, as far as lineage, products, contracts, notes and the catalogue tell; and that unknown is not nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.diff.gating import World, hit_tables, number, table
from tests.diff.verdicts import HOSTILE

from factbook.diff import impact
from factbook.diff.downstream import Edge, Graph, downstream
from factbook.diff.mentions import mentions
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.lineage import ColumnEdge
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, Reference
from factbook_sdk.facts.parts import TableRef

ORDERS, WITHOUT_TOTAL = table("id", "total", number("count")), table("id", number("count"))


@pytest.fixture
def world():
    return World()


def drop_total(world, **others):
    world.scan({"public.orders": ORDERS, **others})
    world.scan({"public.orders": WITHOUT_TOTAL, **others})


def test_without_lineage_nobody_says_that_nobody_is_hit(world):
    drop_total(world)
    assert world.gate().impact.lineage == "none"
    world.made_from("lake/raw.a", "lake/raw.b")
    assert world.gate().impact.lineage == "not of these tables"
    world.made_from("lake/raw.a", "shop/public.orders", producer="other.v1")
    assert world.gate().impact.lineage == "some"


def test_tables_of_other_sources_are_hit_along_the_way_by_column(world):
    drop_total(world)
    world.made_from("lake/raw.orders", "shop/public.orders", ("total", "sum"), ("id", "id"))
    world.made_from("mart/sales.revenue", "lake/raw.orders", ("sum", "revenue"))
    world.made_from("mart/sales.people", "lake/raw.orders", ("id", "order_id"))
    world.made_from("mart/sales.everything", "mart/sales.revenue")
    assert hit_tables(world.gate()) == [
        ("lake/raw.orders", 1, ["sum"]),
        ("mart/sales.revenue", 2, ["revenue"]),
        ("mart/sales.everything", 3, []),
    ]
    hit = world.gate().impact.tables[1]
    assert (hit.via.source_id, hit.changed.table, hit.job) == ("lake", "orders", "nightly")


def test_a_name_of_another_tool_is_the_table_it_was_settled_to_be(world):
    drop_total(world)
    world.say(
        "lineage", MetadataTarget("mart", "sales", "daily"), {"origin": "sql", "inputs": [{"table": {"source_id": "pg://h", "table": "o"}}]}
    )
    assert hit_tables(world.gate()) == []
    world.say("name_binding", MetadataTarget("PG://h/", table="o"), {"source_id": "shop", "schema": "public", "table": "orders"})
    assert hit_tables(world.gate()) == [("mart/sales.daily", 1, [])]
    world.say("name_binding", MetadataTarget("pg://h", table="o"), {"ignored": True}, "another.v1")
    assert hit_tables(world.gate()) == []


def test_lineage_that_nobody_confirmed_for_too_long_hits_nobody(world):
    drop_total(world)
    world.made_from("mart/sales.said", "shop/public.orders", producer="ada")
    world.made_from("mart/sales.run", "shop/public.orders", producer="openlineage:jobs/nightly", origin="openlineage")
    world.made_from("mart/sales.dead", "shop/public.orders", producer="openlineage:jobs/dead", origin="openlineage")
    assert {name for name, *_ in hit_tables(world.gate())} == {"mart/sales.said", "mart/sales.run", "mart/sales.dead"}
    world.ahead = timedelta(days=200)
    assert [name for name, *_ in hit_tables(world.gate())] == ["mart/sales.said"]
    run = {"origin": "openlineage", "statements": 1, "edges": 1, "confirms": ["openlineage:jobs/n*"]}
    world.say("lineage_run", MetadataTarget("erp"), run, "elsewhere", at=datetime.now(UTC) + timedelta(days=100))
    assert {name for name, *_ in hit_tables(world.gate())} == {"mart/sales.said", "mart/sales.run"}


def test_an_edge_without_columns_may_be_of_any(world):
    drop_total(world)
    world.made_from("lake/raw.orders", "shop/public.orders")
    assert hit_tables(world.gate()) == [("lake/raw.orders", 1, [])]


def test_lineage_that_was_taken_back_hits_nobody(world):
    drop_total(world)
    world.made_from("lake/raw.orders", "shop/public.orders")
    world.say("lineage", MetadataTarget("lake", "raw", "orders"), None)
    assert hit_tables(world.gate()) == []


def test_beyond_the_bound_nothing_that_was_taken_back_is_shown_as_if_it_held(world, monkeypatch):
    monkeypatch.setattr(impact, "MAX_FACTS", 3)
    drop_total(world)
    world.made_from("lake/raw.missed", "shop/public.orders")
    world.made_from("lake/raw.closed", "shop/public.orders")
    world.made_from("lake/raw.kept", "shop/public.other")
    world.made_from("lake/raw.kept", "shop/public.orders")
    world.say("lineage", MetadataTarget("lake", "raw", "closed"), None)
    found = world.gate()
    assert hit_tables(found) == [("lake/raw.kept", 1, [])]
    assert found.impact.truncated


def ref(name):
    return TableRef("s", name, "p")


def edges(*pairs):
    return [Edge(ref(reader), ref(read)) for read, reader in pairs]


def test_circles_end():
    graph = Graph(edges(("a", "b"), ("b", "c"), ("c", "b"), ("c", "a"), ("b", "b")))
    found = downstream(graph, {ref("a"): None})
    assert ([(hit.table.table, hit.distance) for hit in found.tables], found.truncated) == ([("b", 1), ("c", 2)], False)


def test_columns_that_come_by_a_longer_way_are_followed_as_well():
    def step(read, reader, one, another):
        return Edge(ref(reader), ref(read), (ColumnEdge(another, one),))

    graph = Graph([step("a", "b", "x", "x1"), step("a", "c", "x", "x2"), step("c", "b", "x2", "x3"), step("b", "d", "x3", "y")])
    found = downstream(graph, {ref("a"): frozenset({"x"})})
    assert {hit.table.table: hit.columns for hit in found.tables} == {"b": ["x1", "x3"], "c": ["x2"], "d": ["y"]}


def test_what_lies_beyond_the_bounds_is_said_and_not_passed_over():
    chain = Graph(edges(*((f"t{place}", f"t{place + 1}") for place in range(50))))
    found = downstream(chain, {ref("t0"): None}, depth=5)
    assert (len(found.tables), found.truncated) == (5, True)
    star = Graph(edges(*(("a", f"t{place}") for place in range(50))))
    found = downstream(star, {ref("a"): None}, limit=10)
    assert (len(found.tables), found.truncated) == (10, True)
    exactly = downstream(star, {ref("a"): None}, limit=50, depth=1)
    assert (len(exactly.tables), exactly.truncated) == (50, False)


def test_a_reference_without_a_schema_means_the_table_in_any():
    graph = Graph([Edge(ref("b"), TableRef("s", "a"))])
    assert [hit.table for hit in downstream(graph, {ref("a"): None}).tables] == [ref("b")]


def test_foreign_keys_that_point_at_what_changed_are_named(world):
    points = Reference("orders", "public", ["id"])
    lines = table("id", "order_id", constraints=[Constraint("foreign_key", "fk", ["order_id"], references=points)])
    world.scan({"public.orders": ORDERS, "public.lines": lines})
    world.scan({"public.orders": table("total", number("count")), "public.lines": lines})
    hits = world.gate().impact.references
    assert [(hit.table, hit.constraint, hit.columns, hit.changed) for hit in hits] == [("lines", "fk", ["order_id"], "public.orders")]


def test_foreign_keys_of_other_columns_are_not(world):
    points = Reference("orders", "public", ["id"])
    drop_total(world, **{"public.lines": table("o", constraints=[Constraint("foreign_key", "fk", ["o"], references=points)])})
    assert world.gate().impact.references == []


@pytest.mark.parametrize(
    ("name", "text", "mentioned"),
    [
        ("orders", "SELECT 1 FROM orders", True),
        ("orders", "SELECT 1 FROM public.ORDERS o", True),
        ("orders", 'SELECT 1 FROM "public"."orders"', True),
        ("orders", "SELECT 1 FROM `orders`", True),
        ("orders", "SELECT 1 FROM old_orders", False),
        ("orders", "SELECT 1 FROM orders2", False),
        ("odd name", 'SELECT 1 FROM "odd name"', True),
        ("odd name", "SELECT 1 FROM odd, name", False),
    ],
)
def test_a_view_whose_text_mentions_the_table_is_a_guess_that_is_named(name, text, mentioned):
    catalog = [(TableName("public", "v"), table("a", object_type="view", definition=text))]
    assert bool(mentions(catalog, {TableName("public", name): None})) is mentioned


@pytest.mark.parametrize(
    ("text", "is_hit"), [("SELECT total FROM orders", True), ("SELECT * FROM orders", True), ("SELECT id FROM orders", False)]
)
def test_a_view_is_hit_by_a_change_of_columns_if_it_names_one_or_takes_all(text, is_hit):
    catalog = [(TableName("public", "v"), table("a", object_type="view", definition=text))]
    assert bool(mentions(catalog, {TableName("public", "orders"): frozenset({"total"})})) is is_hit


def test_a_view_that_mentions_a_name_of_two_changed_tables_is_named_for_both():
    catalog = [(TableName("public", "v"), table("a", object_type="view", definition="SELECT 1 FROM orders"))]
    changed = {TableName(schema, "orders"): None for schema in ("sales", "public")}
    assert [hit.changed for hit in mentions(catalog, changed)] == ["public.orders", "sales.orders"]


def test_products_contracts_and_owners_of_what_is_changed_or_hit_are_named(world):
    drop_total(world)
    world.made_from("lake/raw.orders", "shop/public.orders", ("total", "sum"))
    port = {"name": "in", "table": {"source_id": "lake", "schema": "raw", "table": "orders"}, "contract_id": "c-1"}
    product = {"name": "Revenue", "domain": "sales", "status": "active", "inputs": [port], "owners": [{"name": "Ann"}]}
    world.say("data_product", MetadataTarget("sales", None, "Revenue"), product)
    world.say("data_product", MetadataTarget("sales", None, "Old"), product | {"name": "Old", "status": "retired"})
    for name, columns in (("promises-total", ["id", "total"]), ("promises-id", ["id"])):
        contract = {"contract_id": name, "version": "1", "status": "active", "columns": [{"name": column} for column in columns]}
        world.say("data_contract", MetadataTarget("shop", "public", "orders"), contract, f"{name}.v1")
    notes = [{"property": "owner", "value": "Ben"}, {"property": "steward", "value": {"name": "Cleo"}, "column": "count"}]
    world.say("annotation", MetadataTarget("shop", "public", "orders"), {"author_type": "person", "notes": notes}, "ben")
    notes = [{"property": "steward", "value": "Dan", "column": "sum"}, {"property": "tag", "value": "x"}]
    world.say("annotation", MetadataTarget("lake", "raw", "orders"), {"author_type": "person", "notes": notes}, "dan")
    impact = world.gate().impact
    assert [(hit.product, hit.port, hit.table, hit.contract_id, hit.owners) for hit in impact.products] == [
        ("Revenue", "input", "lake.raw.orders", "c-1", ["Ann"])
    ]
    assert [(hit.contract_id, hit.columns) for hit in impact.contracts] == [("promises-total", ["total"])]
    assert [(hit.name, hit.role, hit.table, hit.column) for hit in impact.owners] == [
        ("Ben", "owner", "public.orders", None),
        ("Dan", "steward", "lake.raw.orders", "sum"),
    ]


def test_what_passes_hits_nobody_and_reads_nothing(world):
    world.scan({"public.orders": ORDERS})
    world.scan({"public.orders": table("id", "total", number("count"), "more")})
    world.made_from("lake/raw.orders", "shop/public.orders")
    assert hit_tables(world.gate()) == []


def test_hostile_names_are_hit_like_others(world):
    name = HOSTILE.replace(".", "")
    world.scan({f"public.{name}": table(name, "b")})
    world.scan({f"public.{name}": table("b")})
    edge = {"table": {"source_id": "shop", "schema": "public", "table": name}, "columns": [{"output": name, "input": name}]}
    world.say("lineage", MetadataTarget("lake", "raw", name), {"origin": "manual", "inputs": [edge]})
    assert hit_tables(world.gate()) == [(f"lake/raw.{name}", 1, [name])]
