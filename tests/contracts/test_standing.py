"""How contracts stand without a check, how lists of them are narrowed, and how their states are read from the end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.contracts.houses import ORDERS, House, changed

from factbook.contracts import ContractEdit, ContractFilter, ImportWish
from factbook.contracts.reading import read_document
from factbook.contracts.writing import text_of
from factbook.errors import NotFound, PreconditionFailed
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.parts import TableRef

NARROW = SchemaSnapshot("table", [Column("id", 1, "bigint", nullable=False), Column("email", 2, "text")])


@pytest.fixture
def house():
    house = House()
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    return house


def ids(page):
    return [item.id for item in page.items]


def test_a_standing_follows_the_last_scan_and_stores_nothing(house):
    [kept] = house.contracts.standings(["orders-daily", "nobody"])
    assert (kept.structure, kept.promises, kept.in_force) == ("kept", 3, True)
    before = datetime.now(UTC)
    house.scanned("shop.public.orders", NARROW)
    [broken] = house.contracts.standings(["orders-daily"])
    assert (broken.structure, broken.broken) == ("broken", 4)
    assert house.contracts.standings(["orders-daily"], as_of=before) == [kept]
    assert house.repository.query("quality_result").records == []
    assert house.contracts.check("orders-daily").results == broken.results


def test_what_cannot_be_told_is_not_kept(house):
    house.take(changed(ORDERS, id="elsewhere", servers=[{"server": "nowhere", "type": "custom", "schema": "other"}]))
    [standing] = house.contracts.standings(["elsewhere"])
    assert (standing.structure, standing.unknown) == ("unknown", 1)
    house.contracts.edit("elsewhere", ContractEdit(status="draft"))
    assert not house.contracts.standings(["elsewhere"])[0].in_force


def test_several_contracts_on_one_table_stand_each_for_itself(house):
    wide = [{"name": "orders", "properties": [{"name": "colour", "logicalType": "string"}]}]
    house.take(changed(ORDERS, id="wide", schema=wide))
    assert [one.structure for one in house.contracts.standings(["orders-daily", "wide"])] == ["kept", "broken"]
    table = TableRef("shop", "orders", "public")
    assert house.contracts.on_tables([table]) == {table: ["orders-daily", "wide"]}
    before = datetime.now(UTC)
    house.contracts.remove("wide")
    assert house.contracts.on_tables([table]) == {table: ["orders-daily"]}
    assert house.contracts.on_tables([table], as_of=before) == {table: ["orders-daily", "wide"]}
    assert house.contracts.on_tables([]) == {}


def test_lists_are_narrowed_by_words_and_state(house):
    house.take(changed(ORDERS, id="a-draft", status="draft", name="Something else"))
    house.take(changed(ORDERS, id="b-gone", version="3.0.0"))
    before = datetime.now(UTC)
    house.contracts.remove("b-gone")
    page = house.contracts.page
    assert ids(page()) == ["a-draft", "orders-daily"]
    assert ids(page(ContractFilter(state="in_force"))) == ["orders-daily"]
    assert ids(page(ContractFilter(state="draft"))) == ["a-draft"]
    assert ids(page(ContractFilter(text="ELSE some"))) == ["a-draft"]
    assert ids(page(ContractFilter(text="shop.public.orders"))) == ["a-draft", "orders-daily"]
    [ended] = page(ContractFilter(state="ended")).items
    assert (ended.id, ended.version, ended.ended) == ("b-gone", "3.0.0", True)
    assert page(ContractFilter(state="ended"), as_of=before).items == []
    assert [entry.id for entry in house.contracts.entries(["orders-daily", "b-gone", "nobody"])] == ["orders-daily"]


def test_states_are_read_from_the_end(house):
    house.contracts.edit("orders-daily", ContractEdit(status="deprecated"), by="ann")
    before = house.contracts.get("orders-daily").changed_at
    house.contracts.remove("orders-daily")
    first = house.contracts.changes("orders-daily", limit=2)
    assert [(one.status, one.changes, one.by) for one in first.items] == [
        (None, [], None),
        ("deprecated", ["status is 'deprecated' and was 'active'"], "ann"),
    ]
    rest = house.contracts.changes("orders-daily", limit=2, cursor=first.next_cursor)
    assert ([one.version for one in rest.items], rest.next_cursor) == (["1.2.0"], None)
    assert len(house.contracts.changes("orders-daily", as_of=before).items) == 2
    with pytest.raises(NotFound):
        house.contracts.changes("nobody")


def test_who_was_slower_is_refused(house):
    seen = house.contracts.get("orders-daily").changed_at
    house.contracts.edit("orders-daily", ContractEdit(owner="somebody else"))
    later = read_document(text_of(changed(ORDERS, version="2.0.0"), "yaml"))
    with pytest.raises(PreconditionFailed, match="not what you saw"):
        house.contracts.import_document(later, ImportWish(seen=seen))
    now = house.contracts.get("orders-daily").changed_at
    assert house.contracts.import_document(later, ImportWish(seen=now)).version == "2.0.0"


def test_what_was_found_of_the_data_is_the_last_word_of_each(house):
    table, quality = MetadataTarget("shop", "public", "orders"), {"check": "row_count", "dimension": "volume"}
    for outcome in ("passed", "failed"):
        house.say(table, "quality_result", quality | {"rule": "rows", "outcome": outcome, "ruleset": "orders-daily"}, "quality.v1")
    house.say(table, "quality_result", quality | {"rule": "rows", "outcome": "passed", "ruleset": "another"}, "quality.v1")
    kept = {"name": "age", "objective": "freshness", "outcome": "met"}
    house.say(table, "sla_adherence", kept | {"contract_id": "orders-daily"}, "quality.v1")
    house.say(table, "sla_adherence", kept | {"name": "other"}, "quality.v1")
    house.contracts.check("orders-daily")
    found = house.contracts.last_found("orders-daily")
    assert [(one.result and one.result.outcome, one.level and one.level.name) for one in found] == [("failed", None), (None, "age")]
