"""A declared schema against the tables behind it, and the numbers about products."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.products.conftest import START, Room

from factbook.errors import InvalidRequest
from factbook.products import ProductUpdate
from factbook.products.model import NewPort
from factbook_sdk.checks.declared import accepts, declared_fields
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.kinds.schema_snapshot import Column

PORT = [NewPort("orders", "shop.main.orders")]
DECLARED = {"order_id": "integer", "amount": "decimal", "order_date": "date", "note": "string"}
REAL = {"order_id": "INTEGER", "amount": "NUMERIC(10, 2)", "order_date": "DATE", "note": "VARCHAR(20)"}


def test_what_is_declared_and_there_conforms(room: Room) -> None:
    room.scanned("orders", REAL)
    made = room.register(schema=DECLARED, ports=PORT)
    assert made.conformance is not None
    assert (made.conformance.status, made.conformance.gaps) == ("conforms", [])
    assert room.reader.page().items[0].conformance == made.conformance


def test_it_says_exactly_what_differs(room: Room) -> None:
    room.scanned("orders", {"ORDER_ID": "INTEGER", "amount": "TEXT", "note": "VARCHAR(20)", "secret": "BLOB"})
    made = room.register(schema=DECLARED, ports=PORT)
    assert made.conformance is not None
    assert made.conformance.status == "differs"
    assert [(gap.problem, gap.column, gap.declared, gap.actual, gap.breaks) for gap in made.conformance.gaps] == [
        ("type_differs", "amount", "decimal", "TEXT", True),
        ("missing_column", "order_date", "date", None, True),
        ("undeclared_column", "secret", None, "BLOB", False),
    ]
    assert made.conformance.gaps[0].message == "shop.main.orders.amount is TEXT and decimal is declared"


def test_each_state_of_a_check_has_its_word(room: Room) -> None:
    room.scanned("orders", REAL | {"extra": "TEXT"})
    assert room.register("no port").conformance.status == "unbound"
    assert room.register("never scanned", schema=DECLARED, ports=[NewPort("o", "shop.main.nothing")]).conformance.status == "unknown"
    assert room.register("no schema", ports=PORT).conformance.status == "undeclared"
    assert room.register("more", schema=DECLARED, ports=PORT).conformance.status == "extends"
    room.scanned("orders", None, seconds=60)
    gone = room.reader.check("more")
    assert (gone.conformance.status, gone.conformance.gaps[0].problem) == ("differs", "table_gone")
    assert room.reader.check("more", as_of=room.reader.get("more").updated_at).conformance.status == "differs"


def test_a_check_follows_the_scans_and_time(room: Room) -> None:
    """What was so at a moment is told by the scan in force then."""
    room.repository.store(
        room.fact(
            "data_product",
            {
                "name": "o",
                "domain": "d",
                "status": "active",
                "schema": {"a": "integer"},
                "outputs": [{"name": "p", "table": {"source_id": "shop", "schema": "main", "table": "t"}}],
            },
            product_target("o"),
            -50,
        )
    )
    room.scanned("t", {"a": "INTEGER"}, seconds=0)
    room.scanned("t", {"a": "TEXT"}, seconds=60)
    assert room.reader.check("o").conformance.status == "differs"
    assert room.reader.check("o", as_of=START + timedelta(seconds=30)).conformance.status == "conforms"
    assert room.reader.check("o", as_of=START - timedelta(seconds=30)).conformance.status == "unknown"


def test_a_port_may_have_a_schema_of_its_own_and_emptiness_counts(room: Room) -> None:
    room.scanned("orders", {"id": "INTEGER"})
    ports = [NewPort("orders", "shop.main.orders", schema={"id": {"type": "integer", "required": True}})]
    made = room.register(schema={"other": "text"}, ports=ports)
    assert [gap.problem for gap in made.conformance.gaps] == ["may_be_null"]
    changed = room.registry.update("orders", ProductUpdate(ports=PORT), by="ada")
    assert [gap.problem for gap in changed.conformance.gaps] == ["missing_column", "undeclared_column"]


@pytest.mark.parametrize(
    ("declared", "printed", "engine", "is_so"),
    [
        ("integer", "bigint", "postgresql", True),
        ("integer", "numeric(10,0)", "postgresql", False),
        ("decimal", "integer", "postgresql", True),
        ("number", "double precision", "postgresql", True),
        ("decimal", "double precision", "postgresql", False),
        ("string", "character varying(20)", "postgresql", True),
        ("string", "uuid", "postgresql", True),
        ("uuid", "uuid", "postgresql", True),
        ("uuid", "text", "postgresql", False),
        ("datetime", "timestamp with time zone", "postgresql", True),
        ("timestamp", "date", "postgresql", False),
        ("json", "jsonb", "postgresql", True),
        ("json", "text", "postgresql", False),
        ("json", "longtext", "mariadb", True),
        ("json", "TEXT", "sqlite", True),
        ("boolean", "tinyint(1)", "mariadb", True),
        ("boolean", "tinyint(4)", "mariadb", False),
        ("integer", "tinyint(4)", "mariadb", True),
        ("array", "text[]", "postgresql", True),
        ("object", "STRUCT(a INTEGER)", "duckdb", True),
        ("date", "DATE", "sqlite", True),
        ("datetime", "DATETIME", "sqlite", True),
        ("string", "NVARCHAR(160)", "sqlite", True),
        ("geometry", "geometry(Point,4326)", "postgresql", True),
        ("geometry", "text", "postgresql", False),
    ],
)
def test_types_are_compared_by_family(declared: str, printed: str, engine: str, is_so: bool) -> None:
    (field,) = declared_fields({"a": declared}).values()
    assert accepts(field, Column("a", 1, printed), engine) is is_so


@pytest.mark.parametrize("said", [None, 1, [], {}, {"a": "integer"}, {"type": None}, {"type": 3}, "", " "])
def test_a_field_that_is_declared_oddly_is_still_a_field(said: Any) -> None:
    (field,) = declared_fields({"a": said}).values()
    assert field.name == "a"
    assert isinstance(field.family, str)


def test_domains_are_counted_with_status_and_owners(room: Room) -> None:
    room.register("a", domain="sales", owner="ada")
    room.register("b", domain="sales", owner="bob", status="deprecated")
    room.register("c", domain="ops", owner="ada")
    room.register("d", domain="ops", owner="ada")
    room.registry.remove("d", by="ada")
    Room(room.repository, f"{room.tenant} two").register("e", domain="hidden")
    found = room.analytics.domains()
    assert (found.total_products, found.total_domains, found.by_status) == (3, 2, {"active": 2, "deprecated": 1})
    assert [(one.domain, one.products, one.by_status, one.owners) for one in found.domains] == [
        ("ops", 1, {"active": 1}, ["ada"]),
        ("sales", 2, {"active": 1, "deprecated": 1}, ["ada", "bob"]),
    ]
    first = room.analytics.domains(limit=1)
    assert (first.next_cursor, [one.domain for one in room.analytics.domains(cursor=first.next_cursor).domains]) == ("ops", ["sales"])


def test_coverage_follows_from_the_facts(room: Room) -> None:
    assert room.analytics.coverage().bound.share == 0.0
    room.scanned("orders", REAL)
    room.register("a", schema=DECLARED, ports=PORT, description="x", tags=["t"])
    room.register("b", ports=[NewPort("p", "shop.main.nothing")])
    room.register("c")
    room.register("d")
    found = room.analytics.coverage()
    assert (found.total_products, found.bound.count, found.scanned.count, found.conforming.count) == (4, 2, 1, 1)
    assert (found.described.share, found.with_schema.share, found.bound.share) == (0.25, 0.25, 0.5)
    assert (found.conformance, found.bound_tables) == ({"conforms": 1, "unbound": 2, "unknown": 1}, 2)


def test_the_freshest_and_the_stalest_go_by_the_table_seen_longest_ago(room: Room) -> None:
    for table, seconds in (("old", 10), ("new", 100), ("newer", 500)):
        room.repository.store(
            room.fact(
                "table_observation",
                {"fingerprint": f"x:{int(seconds):x}", "row_estimate": 1},
                MetadataTarget("shop", "main", table),
                seconds,
            )
        )
    room.repository.store(room.fact("ingestion_volume", {"row_count": 3}, MetadataTarget("shop", "main", "new"), 900))
    room.register("stale", owner="ada", ports=[NewPort("a", "shop.main.newer"), NewPort("b", "shop.main.old")])
    room.register("fresh", ports=[NewPort("a", "shop.main.new")])
    room.register("unseen", ports=[NewPort("a", "shop.main.new"), NewPort("b", "shop.main.nothing")])
    room.register("unbound")
    found = room.analytics.ages(limit=1)
    assert [(age.name, age.table, age.observed_by) for age in found.freshest] == [("fresh", "shop.main.new", "ingestion_volume")]
    assert [(age.name, age.table, age.owner) for age in found.stalest] == [("stale", "shop.main.old", "ada")]
    assert (found.observed, found.unobserved) == (2, 2)
    assert found.stalest[0].last_observed_at == START + timedelta(seconds=10)
    with pytest.raises(InvalidRequest):
        room.analytics.ages(limit=101)


def test_usage_is_added_up_by_product(room: Room) -> None:
    room.register("orders")
    room.register("unread")

    def use(name: str, seconds: float, principal: str, requests: int, rows: int) -> Any:
        start = START + timedelta(seconds=seconds - 60)
        payload = {
            "window_start": start.isoformat(),
            "window_end": (start + timedelta(seconds=60)).isoformat(),
            "requests": requests,
            "rows": rows,
            "principal": principal,
            "format": "json" if seconds < 100 else "csv",
        }
        return room.fact("data_usage", payload, product_target(name), seconds)

    facts = [
        use("orders", 60, "ada", 3, 30),
        use("orders", 120, "bob", 1, 10),
        use("gone", 60, "ada", 1, 5),
        use("orders", -90_000, "eve", 9, 9),
    ]
    room.repository.bulk_store(facts, atomic=True)
    found = room.analytics.usage(since=START - timedelta(hours=1))
    assert (found.requests, found.rows, found.used, found.unused, found.truncated) == (5, 45, 2, 1, False)
    orders = found.products[0]
    assert (orders.name, orders.requests, orders.rows, orders.principals) == ("orders", 4, 40, ["ada", "bob"])
    assert orders.by_format == {"csv": 1, "json": 3}
    assert room.analytics.usage().requests == 14
    assert room.analytics.usage(until=START - timedelta(hours=1)).requests == 9
