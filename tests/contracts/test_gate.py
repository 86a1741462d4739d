"""A change that breaks a contract in force is breaking, whatever its rule or a file of severities says, and names who is hit."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import msgspec
import psycopg
import pytest
from tests.diff.gating import World, number, table

from factbook.app import Factbook
from factbook.cli import gate_github, gate_junit, gate_words
from factbook.contracts import ImportWish
from factbook.contracts.reading import read_document
from factbook.diff.gate_model import GateRequest
from factbook.diff.severities import Override, Severities
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint

KEY = Constraint("unique", "one_mail", ["mail"])
PEOPLE = table(number("id", "bigint", nullable=False), Column("mail", 1, "text", nullable=False), "note", constraints=[KEY])
MILD = Severities((Override(severity="cosmetic"),), origin="rules.yaml")
IGNORED = Severities((Override(ignore=True, reason="nobody reads it"),), origin="rules.yaml")


def people(**columns):
    """Return the table with columns replaced, or left out where ``None``."""
    made = [columns.get(column.name, column) for column in PEOPLE.columns]
    return table(*(column for column in made if column is not None), constraints=[KEY])


def promise(world, *columns, status="active", contract="people", producer="contract:people"):
    said = {"contract_id": contract, "version": "1.0.0", "status": status, "owner": "People team", "columns": list(columns)}
    world.say("data_contract", MetadataTarget("shop", "public", "people"), said, producer)


def world_with(severities, *columns, status="active"):
    world = World(severities)
    promise(world, *columns, status=status)
    world.scan({"public.people": PEOPLE})
    return world


BREAKS = {
    "a promised column is removed": ({"name": "note"}, people(note=None), "note is promised"),
    "a promised column is narrowed": ({"name": "id"}, people(id=number("id", "integer", nullable=False)), "id is promised"),
    "a promised column is tightened": ({"name": "note"}, people(note=Column("note", 1, "text", nullable=False)), "note is promised"),
    "a required column may be null": (
        {"name": "mail", "required": True},
        people(mail=Column("mail", 1, "text")),
        "mail: it is promised and may be null",
    ),
    "a unique column may repeat": (
        {"name": "mail", "unique": True},
        msgspec.structs.replace(PEOPLE, constraints=[]),
        "mail: it is promised to be unique and no key says so",
    ),
}


@pytest.mark.parametrize("severities", [Severities(), MILD, IGNORED], ids=["default", "mild", "ignored"])
@pytest.mark.parametrize(("column", "after", "why"), BREAKS.values(), ids=BREAKS.keys())
def test_what_breaks_a_contract_is_breaking_whatever_the_file_says(severities, column, after, why):
    world = world_with(severities, column)
    world.scan({"public.people": after})
    result = world.gate(breaks="readers")
    assert not result.passed
    (change,) = [change for change in result.changes if change.contracts]
    assert (change.severity, change.contracts, "readers" in change.breaks) == ("breaking", ("people",), True)
    assert f"it breaks the contract people 1.0.0: {why}" in change.reason
    assert result.reasons[-1] == "the contract people 1.0.0 of People team is broken"
    assert [(hit.contract_id, hit.is_broken) for hit in result.impact.contracts] == [("people", True)]


@pytest.mark.parametrize(
    ("column", "after"),
    [
        ({"name": "id"}, people(note=None)),
        ({"name": "note"}, people(note=Column("note", 1, "text", comment="said"))),
        ({"name": "id"}, people(mail=Column("mail", 1, "text"))),
    ],
)
def test_what_is_not_promised_is_judged_as_ever(column, after):
    world = world_with(MILD, column)
    world.scan({"public.people": after})
    result = world.gate()
    assert (result.passed, [change.contracts for change in result.changes]) == (True, [])


@pytest.mark.parametrize("status", ["proposed", "draft", "retired"])
def test_a_contract_that_is_not_in_force_raises_nothing(status):
    world = world_with(MILD, {"name": "note"}, status=status)
    world.scan({"public.people": people(note=None)})
    assert world.gate().passed


def test_a_contract_that_was_ended_raises_nothing():
    world = world_with(MILD, {"name": "note"})
    world.scan({"public.people": people(note=None)})
    world.say("data_contract", MetadataTarget("shop", "public", "people"), None, "contract:people")
    assert world.gate().passed


def test_of_several_contracts_those_that_are_broken_are_named():
    world = world_with(MILD, {"name": "note"})
    promise(world, {"name": "id"}, contract="other", producer="contract:other")
    world.scan({"public.people": people(note=None)})
    assert [change.contracts for change in world.gate().changes] == [("people",)]


def test_a_table_that_goes_breaks_its_contract():
    world = world_with(MILD, {"name": "note"})
    world.scan({"public.other": PEOPLE})
    assert [change.contracts for change in world.gate().changes if change.table == "people"] == [("people",)]


def test_one_change_is_let_pass_by_its_id():
    world = world_with(MILD, {"name": "note"})
    world.scan({"public.people": people(note=None)})
    assert world.gate(accept=[world.gate().changes[0].id]).passed


def product(world, name, *, owner, status="active", **ports):
    said = {"name": name, "domain": "people", "status": status, "owners": [{"name": owner}]} | ports
    world.say("data_product", product_target(name), said, "products.v1")


def port(table, contract=None, source="shop", schema="public"):
    said = {"name": table, "table": {"source_id": source, "table": table} | ({"schema": schema} if schema else {})}
    return said | ({"contract_id": contract} if contract else {})


def test_products_their_owners_and_their_consumers_are_named():
    world = world_with(Severities(), {"name": "note"})
    product(world, "People", owner="Ann", outputs=[port("people", "people", "data_contracts", None)])
    product(world, "Letters", owner="Ben", inputs=[port("anything", "people", "data_contracts", None)])
    product(world, "Counts", owner="Cleo")
    product(world, "Gone", owner="Dan", status="retired", inputs=[port("people")])
    product(world, "Elsewhere", owner="Eve", inputs=[port("orders")])
    read = {"table": {"source_id": "data_products", "table": "People"}}
    world.say("lineage", product_target("Counts"), {"origin": "manual", "inputs": [read]}, "manual:ann:Counts")
    world.scan({"public.people": people(note=None)})
    result = world.gate()
    assert [(hit.product, hit.port, hit.table, hit.owners) for hit in result.impact.products] == [
        ("Counts", "lineage", "data_products.Counts", ["Cleo"]),
        ("Letters", "input", "public.people", ["Ben"]),
        ("People", "output", "public.people", ["Ann"]),
    ]
    assert result.reasons[-1] == "the contract people 1.0.0 of People team is broken (product People of Ann)"
    told = list(gate_words.hits(result.impact))
    assert ("product", "people/Counts", "is made from what changes; Cleo") in told
    assert ("contract", "people 1.0.0", "is broken: it promises public.people: note; People team") in told


CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: people-contract
version: 1.0.0
status: active
team: {name: People team}
schema:
  - name: people
    physicalName: folk.people
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true}
      - {name: name, logicalType: string, physicalType: varchar(80), required: true}
"""
PRODUCT = """
apiVersion: v1.0.0
kind: DataProduct
id: people-product
name: People of the shop
status: active
domain: people
outputPorts: [{name: people, version: 1.0.0, contractId: people-contract}]
team: {members: [{username: ann@example.com, name: Ann, role: owner}]}
"""


def test_the_story_on_a_real_server(tmp_path, postgres_url):
    house = Factbook(load_settings({}, data_dir=tmp_path / "data", max_removal_share=1.0))
    rules = tmp_path / "data" / "verdict-rules.yaml"
    try:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA folk; CREATE TABLE folk.people (id bigint PRIMARY KEY, name varchar(80) NOT NULL, mail text)")
            house.run_scan(postgres_url, source_id="shop")
            done = house.own.contracts.import_document(read_document(CONTRACT), ImportWish(by="tests"))
            assert [str(item.table.table) for item in done.objects] == ["people"]
            house.own.product_documents.import_document(read_document(PRODUCT))
            assert house.own.contracts.check("people-contract").passed
            rules.write_text("sources: {shop: [{rule: 'type_*', severity: compatible, reason: we know}]}")
            connection.execute("ALTER TABLE folk.people ALTER name TYPE varchar(40)")
            house.run_scan(postgres_url, source_id="shop")
        result = house.check_gate(GateRequest(source_id="shop", before="previous", after="latest"))
        assert not house.own.contracts.check("people-contract").passed
    finally:
        house.close()
    assert not result.passed
    assert [(change.rule, change.severity, change.contracts) for change in result.changes] == [
        ("type_narrowed", "breaking", ("people-contract",))
    ]
    reason = "the contract people-contract 1.0.0 of People team is broken (product People of the shop of Ann)"
    assert reason in result.reasons
    assert reason in gate_words.headline(result)
    assert reason in ElementTree.fromstring(gate_junit.report(result)).findtext("testsuite/system-out")
    assert any(reason in line for line in gate_github.commands(result))
    assert reason in json.loads(msgspec.json.encode(result))["reasons"]
