"""Which products have a port on a table, now and before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.products.conftest import START, Room

from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.parts import TableRef


def told(room: Room, name: str, seconds: float = 0, **fields: Any) -> None:
    payload = {"name": name, "domain": "sales", "status": "active", "owners": [{"name": "Ada"}]} | fields
    room.repository.store(room.fact("data_product", payload, product_target(name), seconds))


def port(name: str, table: str, schema: str | None = "main", source_id: str = "shop") -> dict[str, Any]:
    return {"name": name, "table": {"source_id": source_id, "table": table} | ({"schema": schema} if schema else {})}


def uses(room: Room, table: str, **options: Any) -> list[tuple[str, str, str]]:
    found = room.reader.on(TableRef("shop", table, "main"), **options)
    return [(use.product, use.way, use.port) for use in found]


def test_both_ways_are_found_and_no_other_table_of_the_name(room: Room) -> None:
    told(room, "b", inputs=[port("raw", "orders"), port("more", "other")], outputs=[port("clean", "orders")])
    told(room, "a", inputs=[port("raw", "orders")])
    told(room, "c", inputs=[port("raw", "orders", source_id="elsewhere"), port("x", "orders", schema="staging")])
    told(room, "d", inputs=[port("raw", "orders")], status="retired")
    told(room, "e", description='it says "table":"orders" and means nothing by it')
    assert uses(room, "orders") == [("a", "input", "raw"), ("b", "input", "raw"), ("b", "output", "clean")]
    assert room.reader.on(TableRef("shop", "orders", "main"))[0].owner == "Ada"
    assert uses(room, "nothing") == []


@pytest.mark.parametrize("name", ['or"ders', "or%rs", "or_ers", "or/ers\\", "Ördérs 😀", "<b>"])
def test_a_name_means_itself_whatever_it_holds(room: Room, name: str) -> None:
    told(room, "a", inputs=[port("raw", name)])
    told(room, "b", inputs=[port("raw", "orders")])
    assert uses(room, name) == [("a", "input", "raw")]


def test_at_a_moment_it_is_what_products_were_then(room: Room) -> None:
    told(room, "a", inputs=[port("raw", "orders")])
    told(room, "a", 10, inputs=[port("raw", "other")])
    assert uses(room, "orders") == []
    assert uses(room, "orders", as_of=START + timedelta(seconds=5)) == [("a", "input", "raw")]
