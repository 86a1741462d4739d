"""What a table no longer keeps of a promise about its structure."""

from __future__ import annotations

import msgspec
import pytest
from tests.contracts.houses import ORDERS, SNAPSHOT, House

from factbook_sdk.checks.contracts import check_contract
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_contract import ContractColumn, DataContract, contract_target
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Domain, Index, IndexPart, SchemaSnapshot


def promise(*columns):
    return DataContract("c", "1", "active", list(columns))


def table(*columns, **more):
    return SchemaSnapshot("table", list(columns), **more)


def problems(contract, snapshot, engine=None):
    return [(breach.problem, breach.column) for breach in check_contract(contract, snapshot, engine=engine)]


@pytest.mark.parametrize(
    ("promised", "found", "engine", "is_kept"),
    [
        ("bigint", "integer", None, False),
        ("integer", "bigint", None, True),
        ("varchar(18)", "character varying(18)", None, True),
        ("varchar(18)", "character varying(12)", None, False),
        ("varchar(18)", "text", None, True),
        ("numeric(10,2)", "numeric(8,2)", None, False),
        ("timestamp", "date", None, False),
        ("date", "timestamp without time zone", None, True),
        ("text", "integer", None, False),
        ("int64", "bigint", None, True),
        ("TIMESTAMP_NTZ", "timestamp without time zone", None, True),
        ("VARIANT", "jsonb", None, False),
        ("VARIANT", "text", None, True),
        ("uuid", "uuid", None, True),
        ("varchar(18)", "TEXT", "sqlite", True),
    ],
)
def test_a_type_keeps_a_promise_where_it_holds_every_value(promised, found, engine, is_kept):
    contract = promise(ContractColumn("a", physical_type=promised))
    assert (problems(contract, table(Column("a", 1, found)), engine) == []) is is_kept


@pytest.mark.parametrize(
    ("logical", "found", "is_kept"),
    [
        ("integer", "bigint", True),
        ("integer", "text", False),
        ("number", "double precision", True),
        ("string", "character varying(3)", True),
        ("string", "integer", False),
        ("boolean", "tinyint(1)", True),
        ("timestamp", "timestamp with time zone", True),
        ("timestamp", "date", False),
        ("object", "jsonb", True),
        ("string", "uuid", True),
        ("array", "integer[]", True),
    ],
)
def test_a_logical_type_is_a_family(logical, found, is_kept):
    contract = promise(ContractColumn("a", logical_type=logical))
    assert (problems(contract, table(Column("a", 1, found))) == []) is is_kept


def test_labels_are_texts():
    column = Column("a", 1, "shop.state", enum_values=["new", "paid"])
    assert problems(promise(ContractColumn("a", logical_type="string", physical_type="text")), table(column)) == []


def test_what_is_promised_to_be_there_may_not_be_null_or_repeated():
    contract = promise(ContractColumn("a", required=True, unique=True), ContractColumn("gone"))
    loose = table(Column("a", 1, "integer"))
    assert problems(contract, loose) == [("required", "a"), ("unique", "a"), ("column", "gone")]
    strict = table(Column("a", 1, "integer", nullable=False), Column("gone", 2, "text"), constraints=[Constraint("unique", "u", ["a"])])
    assert problems(contract, strict) == []
    by_domain = table(Column("a", 1, "d", domain=Domain("d", base_type="integer", nullable=False)), Column("gone", 2, "text"))
    assert problems(contract, by_domain) == [("unique", "a")]


def test_an_index_over_some_rows_makes_nothing_unique():
    contract = promise(ContractColumn("a", unique=True))
    for predicate, expected in ((None, []), ("a > 0", [("unique", "a")])):
        index = Index("i", [IndexPart("a")], unique=True, predicate=predicate)
        assert problems(contract, table(Column("a", 1, "integer"), indexes=[index])) == expected


def test_the_key_must_be_the_promised_one():
    contract = promise(ContractColumn("a", primary_key=True), ContractColumn("b", primary_key=True))
    columns = (Column("a", 1, "integer"), Column("b", 2, "integer"))
    for found, expected in (([], "there is no primary key"), (["a"], "the primary key is a"), (["b", "a"], None)):
        constraints = [Constraint("primary_key", "k", found)] if found else []
        breaches = check_contract(contract, table(*columns, constraints=constraints))
        assert [breach.reason.startswith(expected) for breach in breaches] == ([True] if expected else [])


def test_of_a_view_only_columns_and_types_are_asked():
    contract = promise(ContractColumn("a", required=True, unique=True, primary_key=True), ContractColumn("gone"))
    view = msgspec.structs.replace(table(Column("a", 1, "integer")), object_type="view")
    assert problems(contract, view) == [("column", "gone")]


def test_a_check_is_kept_as_results_of_the_contracts_rules():
    house = House()
    house.scanned("shop.public.orders")
    house.take(ORDERS)
    target = MetadataTarget("shop", "public", "orders")
    assert house.contracts.check("orders-daily").passed
    house.scanned("shop.public.orders", msgspec.structs.replace(SNAPSHOT, columns=SNAPSHOT.columns[:1]))
    found = house.contracts.check("orders-daily", run_id="run-1")
    assert (found.passed, found.broken, found.unknown) == (False, 2, 0)
    stored = [item for item in house.repository.query("quality_result", targets=[target]).records if item.record.context.run_id == "run-1"]
    said = {item.record.payload["rule"]: (item.record.payload["outcome"], item.record.payload.get("reason")) for item in stored}
    assert said == {
        "contract:orders-daily:column:id": ("passed", None),
        "contract:orders-daily:column:email": ("failed", "the column is not there"),
        "contract:orders-daily:column:total": ("failed", "the column is not there"),
    }
    house.scanned("shop.public.orders", None)
    assert [item.result.reason for item in house.contracts.check("orders-daily").results] == ["the table is not there"]


def test_what_is_bound_to_nothing_is_never_kept():
    house = House()
    house.take(ORDERS)
    found = house.contracts.check("orders-daily")
    assert (found.passed, found.broken, found.unknown) == (False, 0, 1)
    (stored,) = house.repository.query("quality_result").records
    assert (stored.record.target, stored.record.payload["outcome"]) == (contract_target("orders-daily"), "error")
