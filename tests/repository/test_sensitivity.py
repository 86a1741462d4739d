"""A column is sensitive because somebody says so, or because it holds the values of one that is."""

import pytest

from factbook.repository.sensitivity import MAX_STEPS, reasons_of, sensitive_of
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import at


def table(name):
    return MetadataTarget("shop", "public", name)


def structure(name, *columns, seconds=0, **more):
    told = [{"name": column, "position": place, "data_type": "text"} for place, column in enumerate(columns, 1)]
    return MetadataRecord(table(name), "schema_snapshot", {"object_type": "table", "columns": told} | more, at(seconds), "scan.v1")


def classified(name, column, value="pii", *, author="ann", kind="person", seconds=1):
    note = {"property": "classification", "value": value} | ({"column": column} if column else {})
    return MetadataRecord(table(name), "annotation", {"author_type": kind, "notes": [note]}, at(seconds), author)


def made_from(name, *edges, producer="views.v1", seconds=1, edge_type="direct"):
    inputs = [
        {
            "table": {"source_id": "shop", "schema": "public", "table": read},
            "columns": [{"output": out, "input": column, "type": edge_type}],
        }
        for out, read, column in edges
    ]
    return MetadataRecord(table(name), "lineage", {"origin": "view", "inputs": inputs}, at(seconds), producer)


def found(*facts, name, **more):
    repository = MemoryRepository()
    repository.bulk_store(facts, atomic=True)
    return sensitive_of(repository, [table(name)], tenant=MetadataContext().tenant, **more)[table(name)]


PEOPLE = [structure("people", "id", "email"), classified("people", "email")]
VIEW = [structure("people_view", "id", "mail"), made_from("people_view", ("mail", "people", "email"), ("id", "people", "id"))]


def test_a_column_made_from_a_sensitive_one_is_sensitive_and_says_of_which():
    said = found(*PEOPLE, *VIEW, name="people_view")
    assert (said.columns, said.whole_table) == (frozenset({"mail"}), False)
    assert said.because == {"mail": "it holds values of public.people.email"}


def test_so_is_what_is_made_from_that_through_any_number_of_views_and_in_a_circle():
    chain = [made_from(f"v{step}", ("m", f"v{step - 1}" if step else "people_view", "m" if step else "mail")) for step in range(10)]
    circle = made_from("people_view", ("mail", "v9", "m"), producer="a_loader")
    said = found(*PEOPLE, *VIEW, *chain, circle, name="v9")
    assert said.because == {"m": "it holds values of public.people.email"}


def test_lineage_that_is_longer_than_is_followed_is_called_sensitive():
    chain = [made_from(f"v{step}", ("m", f"v{step - 1}", "m")) for step in range(MAX_STEPS + 5)]
    assert found(*chain, name=f"v{MAX_STEPS + 4}").because == {"m": "its lineage is longer than is followed"}
    assert not found(*chain[:MAX_STEPS], name=f"v{MAX_STEPS - 1}")


@pytest.mark.parametrize(
    "facts",
    [
        [*PEOPLE, VIEW[0], made_from("people_view", ("mail", "people", "email"), edge_type="indirect")],
        [*PEOPLE, *VIEW, MetadataRecord(table("people_view"), "lineage", None, at(9), "views.v1")],
        [*PEOPLE, *VIEW, classified("people", "email", "public", seconds=9)],
        [*PEOPLE, *VIEW, classified("people_view", "mail", "public")],
    ],
    ids=["an indirect edge", "lineage that ended", "a claim taken back", "a person who settled it"],
)
def test_what_does_not_make_a_column_sensitive(facts):
    assert not found(*facts, name="people_view")


def test_a_machine_cannot_settle_it():
    assert found(*PEOPLE, *VIEW, classified("people_view", "mail", "public", kind="agent"), name="people_view")


def test_every_column_made_from_a_table_that_is_sensitive_as_a_whole_is():
    said = found(structure("people", "id", "email"), classified("people", None), *VIEW, name="people_view")
    assert said.columns == {"mail", "id"}


def test_partitions_hold_what_their_table_holds_also_partitions_of_partitions():
    facts = [
        structure("sales", "id", "who"),
        structure("sales_2", "id", "who", partition_of={"table": "sales", "schema": "public"}),
        structure("sales_2a", "id", "who", partition_of={"table": "sales_2", "schema": "public"}),
    ]
    assert found(*facts, classified("sales", "who"), name="sales_2a").columns == {"who"}
    assert found(*facts, classified("sales", None), name="sales_2a").whole_table


def test_what_appeared_when_a_sensitive_column_went_may_be_that_column():
    renamed = structure("people", "id", "e_mail", "since", seconds=5)
    later = structure("people", "id", "e_mail", "since", "harmless", seconds=6)
    said = found(*PEOPLE, renamed, later, name="people")
    assert said.columns == {"email", "e_mail", "since"}
    assert said.because["e_mail"] == "it appeared when the sensitive column email went"
    settled = classified("people", "since", "public", author="bob", seconds=7)
    assert found(*PEOPLE, renamed, later, settled, name="people").columns == {"email", "e_mail"}


def test_a_column_renamed_twice_and_a_view_on_it_are_sensitive_too():
    versions = [structure("people", "id", name, seconds=number) for number, name in enumerate(("e_mail", "address"), 5)]
    view = made_from("v", ("a", "people", "address"))
    assert "address" in found(*PEOPLE, *versions, name="people").columns
    assert found(*PEOPLE, *versions, view, name="v").because == {"a": "it holds values of public.people.address"}


def test_a_moment_knows_nothing_of_what_was_said_later():
    assert not found(*PEOPLE, *VIEW, name="people_view", as_of=at(0))
    assert found(*PEOPLE, *VIEW, name="people_view", as_of=at(1))


def test_a_column_that_never_was_there_makes_nothing_sensitive():
    assert found(
        structure("people", "id"), structure("people", "id", "x", seconds=3), classified("people", "email"), name="people"
    ).columns == {"email"}


def test_reasons_name_who_says_so_or_what_it_comes_from():
    repository = MemoryRepository()
    whole = classified("pay", None, "confidential", author="rule:names", kind="rule")
    repository.bulk_store([*PEOPLE, *VIEW, structure("pay", "id"), whole], atomic=True)

    def reasons(name, *columns):
        tenant = MetadataContext().tenant
        sensitive = sensitive_of(repository, [table(name)], tenant=tenant)[table(name)]
        return reasons_of(repository, table(name), columns, sensitive, tenant=tenant)

    assert reasons("people", "id", "email") == {"email": "ann says pii"}
    assert reasons("people_view", "id", "mail") == {"mail": "it holds values of public.people.email"}
    assert reasons("pay", "id") == {"id": "rule:names says confidential of the whole table"}
