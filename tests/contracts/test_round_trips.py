"""A document that nobody edited comes out as it went in; what was edited here, and that alone, is another."""

from __future__ import annotations

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.houses import EXAMPLES, ORDERS, PRODUCT, House, changed

from factbook.contracts import ContractEdit
from factbook.contracts.reading import read_document
from factbook.contracts.standards import ODCS, ODPS
from factbook.contracts.versions import differences
from factbook.contracts.writing import text_of
from factbook.errors import InvalidRequest
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_contract import DataContract, contract_target
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, product_target


def exported(house, done):
    return house.contracts.document(done.id) if done.kind == "DataContract" else house.products.document(done.id)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_standards_own_examples_come_out_as_they_went_in(file):
    house, original = House(), read_document(file.read_bytes())
    room = house.contracts if original.standard is ODCS else house.products
    out = exported(house, room.import_document(original))
    assert out == original.root
    assert not original.standard.problems(out)
    for form in ("yaml", "json"):
        assert read_document(text_of(out, form)).root == original.root


def test_a_contract_of_many_tables_keeps_them_all():
    [file] = [file for file in EXAMPLES if "adventureworks" in file.name]
    house, original = House(), read_document(file.read_bytes())
    done = house.contracts.import_document(original)
    assert len(done.objects) == len(original.root["schema"]) == 68


_texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_MANY = st.lists(st.fixed_dictionaries({"property": _texts, "value": _values}), max_size=3)


@given(_MANY, st.sampled_from(["yaml", "json"]))
def test_whatever_stands_in_custom_properties_is_kept(custom, form):
    house, document = House(), changed(ORDERS, customProperties=custom)
    done = house.contracts.import_document(read_document(text_of(document, form)))
    assert house.contracts.document(done.id) == document


def test_keys_come_in_the_order_that_people_write():
    assert list(read_document(text_of(dict(sorted(ORDERS.items())), "yaml")).root)[:6] == [
        "apiVersion",
        "kind",
        "id",
        "name",
        "version",
        "status",
    ]
    assert list(ORDERS)[-1] != "schema"
    assert list(read_document(text_of(ORDERS, "json")).root)[-1] == "schema"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"status": "deprecated"}, ["status is 'deprecated' and was 'active'"]),
        ({"version": "1.3.0"}, ["version is '1.3.0' and was '1.2.0'"]),
        ({"owner": "Dan"}, ["team.members[0].name is 'Dan' and was 'Ann'"]),
        ({"description": "new"}, ["description.purpose is 'new' and was 'one row an order'"]),
    ],
)
def test_an_edit_is_all_that_differs_in_the_export(edit, expected):
    house = House()
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    house.contracts.edit("orders-daily", ContractEdit(**edit), by="ann")
    out = house.contracts.document("orders-daily")
    assert list(differences(ORDERS, out)) == expected
    assert not ODCS.problems(out)
    (field, value), (bound,) = next(iter(edit.items())), house.contracts.get("orders-daily").promises
    assert field == "description" or getattr(bound.promise, field) == value


def test_an_owner_is_named_where_there_was_none():
    for team, expected in ((None, {"name": "Eve"}), ([{"username": "x"}], [{"username": "x"}, {"username": "Eve", "role": "owner"}])):
        house = House()
        house.take({key: value for key, value in ORDERS.items() if key != "team"} | ({"team": team} if team else {}))
        house.contracts.edit("orders-daily", ContractEdit(owner="Eve"))
        out = house.contracts.document("orders-daily")
        assert out["team"] == expected
        assert not ODCS.problems(out)


def test_columns_that_were_edited_as_facts_appear_and_the_others_stay():
    house = House()
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    target = MetadataTarget("shop", "public", "orders")
    promise = msgspec.convert(house.repository.latest(target, "data_contract").record.payload, DataContract)
    identity, email, _ = promise.columns
    more = msgspec.structs.replace(email, name="note", classification=None)
    columns = [identity, msgspec.structs.replace(email, description="where to write", classification=None), more]
    said = msgspec.to_builtins(msgspec.structs.replace(promise, columns=columns))
    house.say(target, "data_contract", said, "contract:orders-daily")
    expected = copy.deepcopy(ORDERS)
    properties = expected["schema"][0]["properties"]
    properties[1] = {"name": "email", "logicalType": "string", "required": True, "description": "where to write"}
    properties[2] = {"name": "note", "logicalType": "string", "required": True}
    assert house.contracts.document("orders-daily") == expected


def test_an_edit_that_says_nothing_is_refused():
    house = House()
    house.take(ORDERS)
    for edit in (ContractEdit(), ContractEdit(owner=" ")):
        with pytest.raises(InvalidRequest):
            house.contracts.edit("orders-daily", edit)


def test_an_edited_product_comes_out_edited_and_valid():
    house = House()
    house.take(PRODUCT)
    target = product_target("Sales orders")
    product = msgspec.convert(house.repository.latest(target, "data_product").record.payload, DataProduct)
    edited = msgspec.structs.replace(
        product, status="deprecated", description="all orders", tags=["gold"], owners=[*product.owners, Owner("Dan", "steward", "dan@x")]
    )
    house.say(target, "data_product", msgspec.to_builtins(edited), "products.v1")
    out = house.products.document("Sales orders")
    assert not ODPS.problems(out)
    assert (out["status"], out["tags"], out["description"]) == ("deprecated", ["gold"], {"purpose": "all orders"})
    assert out["team"]["members"] == [*PRODUCT["team"]["members"], {"username": "dan@x", "name": "Dan", "role": "steward"}]
    assert out["outputPorts"] == PRODUCT["outputPorts"]


def test_a_product_that_was_never_imported_has_a_document():
    house = House()
    payload = {
        "name": "Revenue",
        "domain": "sales",
        "status": "inactive",
        "owners": [{"name": "Ann"}],
        "inputs": [{"name": "in", "table": {"source_id": "shop", "schema": "public", "table": "orders"}}],
        "outputs": [{"name": "out", "table": {"source_id": "mart", "schema": "s", "table": "r"}, "version": "2.0.0", "description": "d"}],
    }
    house.say(product_target("Revenue"), "data_product", payload, "products.v1")
    out = house.products.document("Revenue")
    assert not ODPS.problems(out)
    assert out["inputPorts"] == [{"name": "in", "version": "1.0.0", "contractId": "shop.public.orders"}]
    assert out["outputPorts"] == [{"name": "out", "version": "2.0.0", "description": "d"}]


def test_facts_about_tables_leave_the_document_with_the_whole():
    house = House()
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    whole = house.repository.latest(contract_target("orders-daily"), "data_contract").record.payload
    part = house.repository.latest(MetadataTarget("shop", "public", "orders"), "data_contract").record.payload
    assert "document" in whole
    assert "document" not in part
    assert [rule["rule"] for rule in part["quality"]] == ["rowCount"]
    assert part["service_levels"] == [{"property": "retention", "value": 3, "unit": "y"}]
