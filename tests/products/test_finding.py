"""Products counted by what they can be narrowed to, found by contract, and told with the health of their data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.products.conftest import START, Room

from factbook.errors import InvalidRequest
from factbook.products import NewProduct, ProductFilter
from factbook.products.documents import format_product, parse_product
from factbook.products.model import Facet, NewPort, ProductUpdate
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.data_product import product_target


def fill(room: Room) -> None:
    room.register("a", domain="sales", tags=["x", "y"], owner="ann")
    room.register("b", domain="sales", tags=["x"], owner="ben", status="draft")
    room.register("c", domain="people", tags=["y"], owner="ann", ports=[NewPort("p", "shop.main.t", "agreed")])
    room.register("d", domain="people", owner="ann", inputs=[NewPort("p", "shop.main.t", "agreed")])


def test_each_facet_counts_what_the_other_choices_leave(room: Room) -> None:
    fill(room)
    for as_of in (None, datetime.now(UTC) + timedelta(minutes=1)):
        every = room.reader.facets(as_of=as_of)
        assert every.domain == Facet({"people": 2, "sales": 2}, 2)
        assert every.owner == Facet({"ann": 3, "ben": 1}, 2)
        assert every.tag == Facet({"x": 2, "y": 2}, 2)
        assert every.status == Facet({"active": 3, "draft": 1}, 2)
        some = room.reader.facets(ProductFilter(domain="sales", owner="ann", tag="x"), as_of=as_of)
        assert some.domain.counts == {"sales": 1}
        assert some.owner.counts == {"ann": 1, "ben": 1}
        assert some.tag.counts == {"x": 1, "y": 1}
    assert room.reader.facets(as_of=START).domain == Facet({}, 0)


def test_values_of_few_products_are_counted_and_not_named(small: Room) -> None:
    for number in range(25):
        small.register(f"p{number:02}", tags=[f"t{number:02}", "all"])
    found = small.reader.facets().tag
    assert (found.values, len(found.counts), next(iter(found.counts.items()))) == (26, 20, ("all", 25))


def test_products_are_found_by_the_contract_of_a_port(room: Room) -> None:
    fill(room)
    assert [item.name for item in room.reader.page(ProductFilter(contract="agreed")).items] == ["c", "d"]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert [item.name for item in room.reader.page(ProductFilter(contract="agreed"), as_of=later).items] == ["c", "d"]
    room.registry.update("c", ProductUpdate(ports=[]), by="ada")
    assert [item.name for item in room.reader.page(ProductFilter(contract="agreed")).items] == ["d"]


def test_history_ends_at_a_moment(small: Room) -> None:
    small.register("a")
    between = small.reader.get("a").updated_at
    small.registry.update("a", ProductUpdate(description="later"), by="ada")
    assert [event.version for event in small.reader.history("a").items] == ["1.0.1", "1.0.0"]
    assert [event.version for event in small.reader.history("a", as_of=between).items] == ["1.0.0"]


def say(room: Room, kind: str, payload: dict[str, Any], table: str | None, hours: float, producer: str = "quality.v1") -> None:
    target = product_target("a") if table is None else MetadataTarget("shop", "main", table)
    context = MetadataContext(tenant=room.tenant)
    room.repository.store(MetadataRecord(target, kind, payload, START + timedelta(hours=hours), producer, context))


def test_health_is_what_was_said_of_the_tables(room: Room) -> None:
    ports = [NewPort("one", "shop.main.one"), NewPort("two", "shop.main.two")]
    room.register("a", ports=ports)
    room.register("b", ports=ports[:1])
    room.register("unbound")
    kept = {"name": "fresh", "objective": "freshness", "outcome": "met"}
    score = {"formula": "f", "formula_version": 1, "coverage": {}}
    seen = {"fingerprint": "sqlite.v1:ab"}
    say(room, "quality_score", score | {"score": 90.0}, "one", 0.1)
    say(room, "quality_score", score | {"score": 70.0}, "two", 0.1)
    say(room, "table_observation", seen, "one", 0.2, "scan.v1")
    for hour in range(8):
        say(room, "sla_adherence", kept | {"outcome": "missed" if hour == 7 else "met"}, "one", hour / 10)
    say(room, "sla_adherence", kept | {"name": "whole"}, None, 0.1)

    found = room.analytics.health(["a", "b", "unbound", "nobody"])
    assert set(found) == {"a", "b", "unbound"}
    assert (found["a"].score, found["b"].score, found["unbound"].score) == (70.0, 90.0, None)
    # Of one table nothing was heard, so that nobody can say how old the product's data is.
    assert found["a"].observed_at is None
    assert found["b"].observed_at == START + timedelta(hours=0.2)
    assert [(one.promise.name, one.promise.outcome) for one in found["a"].promises] == [("whole", "met"), ("fresh", "missed")]
    assert (found["a"].missed, found["unbound"].promises) == (1, [])


def test_health_was_another_at_a_moment(small: Room) -> None:
    small.register("a", ports=[NewPort("one", "shop.main.one")])
    late = {"name": "fresh", "objective": "freshness", "outcome": "missed"}
    later = (datetime.now(UTC) - START) + timedelta(hours=1)
    say(small, "sla_adherence", late, "one", later.total_seconds() / 3600)
    assert small.analytics.health(["a"], as_of=datetime.now(UTC))["a"].promises == []
    assert small.analytics.health(["a"], as_of=START) == {}
    assert small.analytics.health(["a"])["a"].missed == 1


def test_use_of_one_product_is_added_up_alone(small: Room) -> None:
    now = datetime.now(UTC)
    for name, rows in (("a", 5), ("a", 7), ("b", 100)):
        use = {
            "window_start": now - timedelta(minutes=rows),
            "window_end": now,
            "requests": 1,
            "rows": rows,
            "principal": "p",
            "format": "csv",
        }
        fact = MetadataRecord(product_target(name), "data_usage", msgspec.to_builtins(use), now, "serving.v1")
        small.repository.store(fact)
    found = small.analytics.usage_of("a")
    assert found is not None
    assert (found.requests, found.rows, found.by_format) == (2, 12, {"csv": 2})
    assert small.analytics.usage_of("c") is None


def test_a_product_is_written_and_read_back_the_same(small: Room) -> None:
    place = {"source_id": "shop", "schema": "a.b", "table": "c"}
    new = msgspec.convert(
        {
            "name": "a",
            "domain": "d",
            "owner": "ann",
            "owners": [{"name": "ben", "role": "steward"}],
            "description": "two\nlines",
            "tags": ["yes", "1"],
            "schema": {"id": {"nullable": False, "type": "integer"}},
            "ports": [{"name": "p", "table": place, "contract_id": "k", "version": "2", "description": "d", "schema": {"x": "date"}}],
            "inputs": [{"name": "q", "table": "shop.main.t"}],
            "tier": "gold",
        },
        NewProduct,
    )
    product = small.registry.register(new, by="ada")
    text = format_product(product)
    again = parse_product(text, NewProduct)
    assert (
        small.registry.update("a", ProductUpdate(ports=again.ports, inputs=again.inputs, owners=again.owners, owner="ann"), by="b").change
        is None
    )
    assert format_product(small.reader.get("a")) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: a\nname: b", "line 2, name: name stands here twice"),
        ("a: [", "line 1"),
        ("- a", "no mapping"),
        ("name: a\ndomain: d\nowner: o\nports:\n  - name: p\n    table: 7", "line 6: Expected `str | object`, got `int`"),
        ("name: a\ndomain: d\nowner: o\nstatus: lively", "line 4: Invalid enum value 'lively'"),
        ("name: a\ndomain: d", "line 1: Object missing required field `owner`"),
    ],
)
def test_what_is_wrong_in_a_document_is_named_with_its_line(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_product(text, NewProduct)
    assert why in caught.value.why
