"""Which table an object is bound to, which version is taken, and what a contract was at a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.contracts.houses import ORDERS, PRODUCT, SNAPSHOT, House, changed

from factbook.contracts import ContractEdit
from factbook.contracts.versions import is_lower
from factbook.errors import ContractTaken, InvalidRequest, NotFound
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_contract import contract_target
from factbook_sdk.facts.parts import TableRef

SHOP_ORDERS = TableRef("shop", "orders", "public")


@pytest.fixture
def house():
    return House()


def bound(done):
    return [(item.table, item.reason) for item in done.objects]


def test_a_server_called_like_a_source_binds(house):
    house.scanned("shop.public.orders")
    house.scanned("other.public.orders")
    assert bound(house.take(ORDERS)) == [(SHOP_ORDERS, None)]


def test_without_such_a_server_a_name_with_its_schema_binds_where_it_is_the_only_one(house):
    house.scanned("lake.public.orders")
    document = changed(ORDERS, servers=[{"server": "prod", "type": "custom", "schema": "public"}])
    assert bound(house.take(document)) == [(TableRef("lake", "orders", "public"), None)]
    house.scanned("shop.public.orders")
    again = changed(document, id="other")
    assert bound(house.take(again)) == [(None, "public.orders may be lake.public.orders or shop.public.orders")]


def test_a_bare_name_binds_nothing(house):
    house.scanned("lake.public.orders")
    document = {key: value for key, value in ORDERS.items() if key != "servers"}
    ((table, reason),) = bound(house.take(document))
    assert (table, "may be anybody's" in reason) == (None, True)


def test_a_table_that_is_gone_is_not_bound_and_one_that_came_is_by_importing_again(house):
    house.scanned("shop.public.orders")
    house.scanned("shop.public.orders", None)
    assert bound(house.take(ORDERS)) == [(None, "no scanned table of shop is called public.orders")]
    house.scanned("shop.public.orders")
    assert (house.take(ORDERS).outcome, house.take(ORDERS).outcome) == ("stored", "unchanged")
    assert house.contracts.tables("orders-daily") == [SHOP_ORDERS]


def test_what_somebody_says_goes_before_names_and_stays(house):
    house.scanned("shop.public.orders")
    house.scanned("shop.public.or.ders".replace("or.ders", "others"))
    assert bound(house.take(ORDERS, orders="shop.public.others")) == [(TableRef("shop", "others", "public"), None)]
    assert bound(house.take(changed(ORDERS, version="1.3.0"))) == [(TableRef("shop", "others", "public"), None)]
    house.take(changed(ORDERS, version="1.3.0"), orders="shop.public.orders")
    assert house.repository.latest(MetadataTarget("shop", "public", "others"), "data_contract").record.payload is None


def test_names_differ_in_case_where_no_other_fits(house):
    house.scanned("shop.PUBLIC.Orders")
    assert bound(house.take(ORDERS)) == [(TableRef("shop", "Orders", "PUBLIC"), None)]


@pytest.mark.parametrize("bind", [{"nothing": "shop.public.orders"}, {"orders": "shop.public.nothing"}, {"orders": "nobody"}])
def test_a_binding_to_nothing_is_refused(house, bind):
    house.scanned("shop.public.orders")
    with pytest.raises(InvalidRequest):
        house.take(ORDERS, **bind)
    assert house.contracts.page().items == []


def test_two_objects_on_one_table_are_refused(house):
    house.scanned("shop.public.orders")
    two = [*ORDERS["schema"], {"name": "again", "physicalName": "public.orders"}]
    with pytest.raises(InvalidRequest, match="bound to one table"):
        house.take(changed(ORDERS, schema=two))


def test_the_same_version_with_another_content_is_refused_and_told_apart(house):
    house.take(ORDERS)
    other = changed(ORDERS, domain="sales", tags=["a"])
    with pytest.raises(ContractTaken, match="domain is new; tags is new"):
        house.take(other)
    assert house.contracts.document("orders-daily") == ORDERS
    assert house.take(other, replace=True).replaced == ["domain is new", "tags is new"]
    assert house.contracts.document("orders-daily") == other


def test_an_export_that_comes_back_is_the_same_version(house):
    house.take(ORDERS)
    house.contracts.edit("orders-daily", ContractEdit(status="deprecated"))
    house.take(house.contracts.document("orders-daily"))
    with pytest.raises(ContractTaken, match="status is 'active' and was 'deprecated'"):
        house.take(ORDERS)


def test_a_lower_version_is_refused_and_a_later_one_taken(house):
    house.take(ORDERS)
    with pytest.raises(ContractTaken, match=r"1\.2\.0 is in force, which is later"):
        house.take(changed(ORDERS, version="1.1.9"))
    house.take(changed(ORDERS, version="1.10.0"))
    assert house.contracts.get("orders-daily").contract.version == "1.10.0"
    house.take(changed(ORDERS, version="1.0.0"), replace=True)


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("1.2.0", "1.10.0", True),
        ("v1.2.0", "1.2.0", False),
        ("1.2", "1.2.0", False),
        ("1.0.0-rc.2", "1.0.0", True),
        ("1.0.0-rc.2", "1.0.0-rc.10", True),
        ("1.0.0", "1.0.0-rc.2", False),
        ("1.0.0+b", "1.0.0", False),
        ("2024-01", "2023-12", False),
        ("blue", "1.0.0", False),
        ("1.0.0", "green", False),
        ("", "1.0.0", False),
        ("9" * 5_000, "1", False),
    ],
)
def test_versions_compare_as_numbers(version, than, expected):
    assert is_lower(version, than) is expected


def test_contracts_are_listed_in_pages_and_as_they_were(house):
    for name in ("c", "a", "b"):
        house.take(changed(ORDERS, id=name))
    before = datetime.now(UTC)
    house.contracts.remove("b")
    house.contracts.edit("a", ContractEdit(status="retired"))
    first = house.contracts.page(limit=1)
    assert ([item.id for item in first.items], first.items[0].status, first.next_cursor) == (["a"], "retired", "a")
    second = house.contracts.page(limit=1, cursor=first.next_cursor)
    assert ([item.id for item in second.items], second.next_cursor) == (["c"], None)
    assert [(item.id, item.status) for item in house.contracts.page(as_of=before).items] == [(name, "active") for name in "abc"]
    assert house.contracts.document("b", as_of=before)["id"] == "b"
    with pytest.raises(NotFound):
        house.contracts.get("b")


def test_history_says_what_each_state_changed_and_that_it_ended(house):
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    house.contracts.edit("orders-daily", ContractEdit(status="deprecated"), by="ann")
    house.contracts.remove("orders-daily")
    whole = house.contracts.history("orders-daily")
    assert [(item.version, item.status, item.by) for item in whole.items] == [
        ("1.2.0", "active", "tests"),
        ("1.2.0", "deprecated", "ann"),
        (None, None, None),
    ]
    assert whole.items[1].changes == ["status is 'deprecated' and was 'active'"]
    first = house.contracts.history("orders-daily", limit=1)
    second = house.contracts.history("orders-daily", limit=1, after_offset=first.next_after_offset)
    assert second.items == [whole.items[1]]
    assert house.repository.latest(MetadataTarget("shop", "public", "orders"), "data_contract").record.payload is None
    with pytest.raises(NotFound):
        house.contracts.history("never")


def test_a_later_version_says_each_change_once(house):
    house.take(ORDERS)
    house.take(changed(ORDERS, version="1.3.0", domain="sales"))
    assert house.contracts.history("orders-daily").items[1].changes == ["version is '1.3.0' and was '1.2.0'", "domain is new"]


def test_two_contracts_hold_side_by_side_on_one_table(house):
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    house.take(changed(ORDERS, id="second"))
    house.contracts.remove("orders-daily")
    assert house.contracts.tables("second") == [SHOP_ORDERS]
    assert house.contracts.check("second").passed


def test_a_draft_is_valid_bound_and_kept(house):
    house.scanned("shop.public.orders")
    columns = [{"name": "total", "null_count": 0, "is_key_candidate": True}, {"name": "email", "null_count": 0, "origin": "sampled"}]
    house.say(MetadataTarget("shop", "public", "orders"), "statistics_snapshot", {"origin": "exact", "row_count": 3, "columns": columns})
    document = house.contracts.draft("shop.public.orders")
    properties = {item["name"]: item for item in document["schema"][0]["properties"]}
    assert properties["id"] == {
        "name": "id",
        "logicalType": "integer",
        "physicalType": "bigint",
        "required": True,
        "unique": True,
        "primaryKey": True,
        "primaryKeyPosition": 1,
    }
    assert [rule["metric"] for rule in properties["total"]["quality"]] == ["nullValues", "duplicateValues"]
    assert "quality" not in properties["email"]
    assert bound(house.take(document)) == [(SHOP_ORDERS, None)]
    assert house.contracts.check("shop.public.orders").passed
    with pytest.raises(NotFound):
        house.contracts.draft("shop.public.nothing")


def test_what_was_sampled_promises_nothing(house):
    house.scanned("shop.public.orders")
    figures = {"origin": "sampled", "row_count": 3, "columns": [{"name": "total", "null_count": 0}]}
    house.say(MetadataTarget("shop", "public", "orders"), "statistics_snapshot", figures)
    assert "quality" not in str(house.contracts.draft("shop.public.orders"))


def test_ports_of_a_product_are_the_tables_of_their_contracts(house):
    assert [item.reason for item in house.take(PRODUCT).objects] == ["its contract orders-daily is not bound to one table"]
    house.scanned("shop.public.orders", SNAPSHOT)
    house.take(ORDERS)
    done = house.take(PRODUCT)
    assert (done.outcome, bound(done)) == ("stored", [(SHOP_ORDERS, None)])
    assert house.take(PRODUCT).outcome == "unchanged"
    assert house.products.document("Sales orders") == PRODUCT


def test_a_product_is_replaced_only_where_that_is_asked_for(house):
    house.take(PRODUCT)
    with pytest.raises(ContractTaken, match="domain is 'other'"):
        house.take(changed(PRODUCT, domain="other"))
    with pytest.raises(ContractTaken, match="which is later"):
        house.take(changed(PRODUCT, version="0.9.0"))
    house.take(changed(PRODUCT, domain="other"), replace=True)
    assert house.products.document("Sales orders")["domain"] == "other"
    with pytest.raises(InvalidRequest):
        house.take(PRODUCT, replace=True, nothing="shop.public.orders")


def test_the_whole_stands_under_the_contracts_own_target(house):
    house.take(ORDERS)
    assert house.repository.latest(contract_target("orders-daily"), "data_contract").record.producer_id == "contract:orders-daily"
