"""Products come, change and go; names are one product's alone, and nothing of the past is lost."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.products.conftest import Room, open_store

from factbook.errors import AlreadyThere, InvalidRequest, LimitReached, NotFound, PreconditionFailed, VersionTooLow
from factbook.products import PortList, ProductFilter, ProductUpdate
from factbook.products.model import NewPort
from factbook.products.registry import PRODUCER_ID
from factbook.repository.dropping import Drop, all_channels, drop_due
from factbook.repository.rows import microseconds
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, product_target


def test_a_product_is_registered_with_everything_said_of_it(room: Room) -> None:
    made = room.register(
        description="Every order.",
        schema={"id": "integer"},
        tags=["orders", "orders", "gold"],
        owners=[Owner("Data office", "steward")],
        tier="gold",
        ports=[NewPort("orders", "shop.main.orders")],
    )
    assert (made.name, made.domain, made.owner, made.version, made.status) == ("orders", "sales", "sales@company.com", "1.0.0", "active")
    assert (made.tags, made.created_at, made.tier) == (["orders", "gold"], made.updated_at, "gold")
    assert [(port.name, port.table) for port in made.ports] == [("orders", "shop.main.orders")]
    assert [owner.name for owner in made.owners] == ["sales@company.com", "Data office"]
    assert room.reader.get("orders") == made
    found = room.repository.latest(product_target("orders"), "data_product", tenant=room.tenant)
    assert found is not None
    assert (found.record.producer_id, found.record.extras) == (PRODUCER_ID, {"by": "ada"})


def test_a_name_is_taken_once(room: Room) -> None:
    room.register()
    with pytest.raises(
        AlreadyThere, match=r"orders is registered already: it is at version 1.0.0 in the domain sales and belongs to sales@"
    ):
        room.register(domain="marketing")
    assert room.reader.get("orders").domain == "sales"
    assert Room(room.repository, f"{room.tenant} two").register().domain == "sales"


def test_of_many_who_register_one_name_at_once_exactly_one_does(room: Room) -> None:
    """On PostgreSQL each has a connection of its own, as processes have."""
    url = room.repository.database.engine.url.render_as_string(hide_password=False)
    outcomes: list[Any] = []
    gate = threading.Barrier(6)

    def attempt(number: int) -> None:
        with closing(open_store(url)) as own:
            gate.wait()
            try:
                outcomes.append(Room(own, room.tenant).register(by=f"number {number}").version)
            except AlreadyThere:
                outcomes.append("taken")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["1.0.0", *["taken"] * 5]
    assert len(room.repository.history(product_target("orders"), "data_product", tenant=room.tenant)) == 1


def test_no_update_is_lost_where_the_version_seen_is_named(room: Room) -> None:
    made = room.register()
    seen = [made.etag.strip('"')]
    first = room.registry.update("orders", ProductUpdate(description="mine"), by="ada", if_match=seen)
    with pytest.raises(PreconditionFailed, match=r"it is at version 1\.0\.1 by now"):
        room.registry.update("orders", ProductUpdate(description="yours"), by="bob", if_match=seen)
    with pytest.raises(PreconditionFailed):
        room.registry.remove("orders", by="bob", if_match=["1.0.0"])
    assert room.reader.get("orders").description == "mine"
    assert room.registry.update("orders", ProductUpdate(tags=["a"]), by="bob", if_match=[first.version]).version == "1.0.2"
    assert room.registry.update("orders", ProductUpdate(tags=["b"]), by="bob", if_match=["*"]).version == "1.0.3"


def test_an_update_moves_the_version_and_says_why(room: Room) -> None:
    room.register(schema={"id": "integer", "at": "date"}, description="x")
    made = room.registry.update("orders", ProductUpdate(schema={"id": "bigint", "at": "date", "name": "string"}), by="bob")
    assert made.version == "1.1.0"
    assert made.change is not None
    assert (made.change.level, made.change.previous) == ("minor", "1.0.0")
    assert made.change.reasons == ["the field name is added", "the type of id widens from integer to bigint"]
    made = room.registry.update("orders", ProductUpdate(schema={"id": "bigint", "at": "date"}), by="bob")
    assert (made.version, made.description) == ("2.0.0", "x")
    with pytest.raises(
        VersionTooLow, match=r"2\.0\.1 is too low: it was 2\.0\.0 and this is a major change: the field at is removed"
    ) as caught:
        room.registry.update("orders", ProductUpdate(schema={"id": "bigint"}, version="2.0.1"), by="bob")
    assert caught.value.fix == "Write 3.0.0 or higher, or leave version out"
    assert room.registry.update("orders", ProductUpdate(schema={"id": "bigint"}, version="4.0.0"), by="bob").version == "4.0.0"


def test_what_changes_nothing_stores_nothing(room: Room) -> None:
    room.register(description="x")
    end = room.repository.last_offset()
    same = room.registry.update("orders", ProductUpdate(description="x", version="1.0.0"), by="bob")
    assert (same.version, same.change, room.repository.last_offset()) == ("1.0.0", None, end)


def test_a_removed_product_is_off_the_list_and_comes_back_at_its_next_version(room: Room) -> None:
    room.register(schema={"id": "integer", "gone": "text"})
    gone = room.registry.remove("orders", by="bob")
    assert (gone.name, gone.version, gone.removed) == ("orders", "1.0.0", True)
    assert room.reader.page().items == []
    for attempt in (room.reader.get, room.reader.check, lambda name: room.registry.remove(name, by="bob")):
        with pytest.raises(NotFound):
            attempt("orders")
    with pytest.raises(VersionTooLow):
        room.register(schema={"id": "integer"}, version="1.0.0")
    back = room.register(schema={"id": "integer"})
    assert back.version == "2.0.0"
    assert back.created_at > gone.removed_at
    assert [(event.event, event.by, event.version) for event in room.reader.history("orders").items] == [
        ("registered", "ada", "2.0.0"),
        ("removed", "bob", None),
        ("registered", "ada", "1.0.0"),
    ]


def test_history_says_who_changed_what_page_by_page(room: Room) -> None:
    room.register(description="one")
    for number, by in enumerate(("bob", "eve", "ada")):
        room.registry.update("orders", ProductUpdate(description=f"text {number}"), by=by)
    first = room.reader.history("orders", limit=2)
    rest = room.reader.history("orders", limit=2, cursor=first.next_cursor)
    assert [(event.by, event.version, event.level) for event in (*first.items, *rest.items)] == [
        ("ada", "1.0.3", "patch"),
        ("eve", "1.0.2", "patch"),
        ("bob", "1.0.1", "patch"),
        ("ada", "1.0.0", None),
    ]
    assert rest.next_cursor is None
    (change,) = first.items[1].changes
    assert (change.field, change.before, change.after) == ("description", "text 0", "text 1")
    with pytest.raises(NotFound):
        room.reader.history("nobody")


def test_reads_show_what_was_so_at_a_moment(room: Room) -> None:
    made = room.register(description="then", tags=["old"])
    other = room.register("returns", domain="after-sales")
    room.registry.update("orders", ProductUpdate(description="now", tags=["new"]), by="bob")
    room.registry.remove("returns", by="bob")
    then = room.reader.page(as_of=other.updated_at)
    assert [(product.name, product.description) for product in then.items] == [("orders", "then"), ("returns", "")]
    assert room.reader.get("orders", as_of=made.updated_at).tags == ["old"]
    assert room.reader.get("returns", as_of=other.updated_at).domain == "after-sales"
    assert [item.name for item in room.reader.page(ProductFilter(tag="old"), as_of=other.updated_at).items] == ["orders"]
    assert room.reader.page(as_of=made.updated_at - timedelta(days=1)).total == 0
    with pytest.raises(NotFound):
        room.reader.get("orders", as_of=datetime(2020, 1, 1, tzinfo=UTC))


def test_the_list_is_filtered_and_paged_alike_now_and_then(room: Room) -> None:
    room.register("a", domain="sales", tags=["x", "y"], description="All Orders of the Shop")
    room.register("b", domain="sales", status="deprecated", owner="bob", schema={"customer_id": "integer"})
    room.register("c", domain="ops", tags=["x"])
    room.register("d%", domain="ops", description="100_percent")
    now = room.reader.get("d%").updated_at
    for as_of in (None, now):

        def names(limit: int = 100, as_of: datetime | None = as_of, **wanted: Any) -> list[str]:
            return [item.name for item in room.reader.page(ProductFilter(**wanted), limit=limit, as_of=as_of).items]

        assert names() == ["a", "b", "c", "d%"]
        assert names(domain="sales") == ["a", "b"]
        assert names(status="deprecated") == ["b"]
        assert names(tag="x") == ["a", "c"]
        assert names(tag="x", domain="ops") == ["c"]
        assert names(owner="bob") == ["b"]
        assert names(text="SHOP orders") == ["a"]
        assert names(text="customer_id") == ["b"]
        assert names(text="%") == ["d%"]
        assert names(text="0_p") == ["d%"]
        first = room.reader.page(limit=3, as_of=as_of)
        assert (first.total, first.next_cursor) == (4, "c")
        assert [item.name for item in room.reader.page(limit=3, cursor="c", as_of=as_of).items] == ["d%"]
        assert [item.name for item in room.reader.page(limit=2, offset=1, as_of=as_of).items] == ["b", "c"]
    for wrong in ({"offset": -1}, {"offset": 1, "cursor": "a"}, {"limit": 0}, {"wanted": ProductFilter(status="asleep")}):
        with pytest.raises(InvalidRequest):
            room.reader.page(**wrong)


def test_there_is_a_limit_and_it_counts_what_is_there(room: Room) -> None:
    few = Room(room.repository, room.tenant, max_products=2)
    few.register("a")
    few.register("b")
    with pytest.raises(LimitReached, match="There are 2 products already: MAX_PRODUCTS allows no more"):
        few.register("c")
    few.registry.update("a", ProductUpdate(description="still"), by="ada")
    few.registry.remove("b", by="ada")
    few.register("c")
    assert [item.name for item in few.reader.page().items] == ["a", "c"]


@pytest.mark.parametrize("name", [" orders", "a/b", "..", ".", "tab\tin", "line\n", "\u200bx"])
def test_a_name_must_fit_into_a_path(small: Room, name: str) -> None:
    for fields in ({"name": name}, {"domain": name}, {"ports": [NewPort(name, "shop.main.t")]}):
        with pytest.raises(InvalidRequest):
            small.register(**fields)
    assert small.reader.page().total == 0


@pytest.mark.parametrize("table", ["orders", "main.orders", "shop..orders", ".main.orders", ""])
def test_a_port_names_a_table_whole(small: Room, table: str) -> None:
    with pytest.raises(InvalidRequest, match="names no table"):
        small.register(ports=[NewPort("orders", table)])


def test_two_ports_of_one_name_are_refused(small: Room) -> None:
    ports = [NewPort("orders", "shop.main.orders"), NewPort("orders", "shop.main.other")]
    small.register()
    with pytest.raises(InvalidRequest, match="two ports of the name"):
        small.registry.update("orders", ProductUpdate(ports=PortList(ports).ports), by="ada")


def test_what_others_say_of_a_product_counts_and_is_ended_with_it(room: Room) -> None:
    payload = {"name": "Orders 360", "domain": "sales", "status": "active", "version": "2.1.0", "tags": ["n\x00ul"]}
    room.repository.store(room.fact("data_product", payload, product_target("orders-360")))
    found = room.reader.get("orders-360")
    assert (found.name, found.title, found.version, found.owner) == ("orders-360", "Orders 360", "2.1.0", None)
    changed = room.registry.update("orders-360", ProductUpdate(owner="ada"), by="ada")
    assert (changed.version, changed.owner) == ("2.1.1", "ada")
    room.registry.remove("orders-360", by="ada")
    streams = {
        item.record.producer_id: item.record
        for item in room.repository.history(product_target("orders-360"), "data_product", tenant=room.tenant)
    }
    assert {name: record.payload for name, record in streams.items()} == {"scan.v1": None, PRODUCER_ID: None}


def test_the_view_is_the_same_when_it_is_made_anew(room: Room) -> None:
    """Facts that come late, and of several producers, among them."""
    room.register("a", tags=["t"], owner="o")
    room.register("b")
    room.registry.update("a", ProductUpdate(description="x"), by="ada")
    room.registry.remove("b", by="ada")
    late = {"name": "a", "domain": "older", "status": "draft"}
    room.repository.store(room.fact("data_product", late, product_target("a"), -100))
    room.repository.store(room.fact("data_product", {"name": "z", "domain": "d", "status": "active"}, product_target("z"), 5))
    before = room.reader.page(), room.analytics.domains()
    room.repository.rebuild()
    assert (room.reader.page(), room.analytics.domains()) == before
    assert [item.name for item in before[0].items] == ["a", "z"]


def test_a_product_whose_facts_are_dropped_is_gone_from_the_view(small: Room) -> None:
    small.repository.store(small.fact("data_product", {"name": "old", "domain": "d", "status": "active"}, product_target("old"), -9000))
    small.register("new")
    with small.repository.reading() as connection:
        (channel,) = (each for each in all_channels(connection) if each.kind == "data_product")
    before = microseconds(datetime.now(UTC) - timedelta(hours=1))
    drop_due(small.repository, Drop(channel.channel_no, channel.tenant, channel.kind, before, newest=0, keeps_state=False))
    left = small.reader.page()
    assert [item.name for item in left.items] == ["new"]
    small.repository.rebuild()
    assert small.reader.page() == left


def test_a_clock_ahead_of_ours_loses_nothing(small: Room) -> None:
    ahead = small.fact("data_product", {"name": "p", "domain": "d", "status": "active", "version": "1.0.0"}, product_target("p"), 90_000)
    small.repository.store(ahead)
    small.registry.update("p", ProductUpdate(description="later"), by="ada")
    assert small.reader.get("p").description == "later"
    assert DataProduct(name="p", domain="d", status="active").created_at is None
