"""Each rule finds what it is for, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shelf import Shelf, key, refers

from factbook.lint import LintRules
from factbook.lint.names import case_of, common_case, meant_table, sounds_sensitive
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, PartitionOf


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_a_comment_or_a_note_describes(shelf: Shelf) -> None:
    shelf.table("commented", "a: what it is", comment="All of them")
    shelf.table("noted", "a")
    shelf.note("noted", Note("description", "All of them"), Note("description", "what it is", column="a"))
    shelf.table("bare", "a")
    shelf.table("blank", "a:  ", comment="  ")
    shelf.note("blank", Note("description", " "))
    assert shelf.found("table_description") == ["bare", "blank"]
    assert shelf.found("column_description") == ["bare.a", "blank.a"]


def test_a_note_that_its_author_takes_back_describes_nothing(shelf: Shelf) -> None:
    shelf.table("orders", "a")
    shelf.note("orders", Note("description", "All"), author="ada", hours=1)
    shelf.note("orders", Note("tag", "x"), author="ada", hours=2)
    assert shelf.found("table_description") == ["orders"]
    shelf.note("orders", Note("description", "All"), author="bob", hours=1)
    assert shelf.found("table_description") == []


def test_the_role_of_the_database_is_no_owner(shelf: Shelf) -> None:
    shelf.table("orders", "a", owner="postgres")
    shelf.table("lines", "a")
    shelf.note("lines", Note("owner", "Sales"))
    assert shelf.found("table_owner") == ["orders"]


def test_what_tells_rows_apart_is_a_key(shelf: Shelf) -> None:
    part = [IndexPart("a")]
    shelf.table("primary", "a", constraints=[key("a")])
    shelf.table("unique", "a", constraints=[Constraint("unique", "u", ["a"])])
    shelf.table("indexed", "a", indexes=[Index("i", part, unique=True)])
    shelf.table("sometimes", "a", indexes=[Index("i", part, unique=True, predicate="a > 0")])
    shelf.table("never", "a", indexes=[Index("i", part)])
    shelf.table("a_view", "a", object_type="view")
    assert shelf.found("key") == ["never", "sometimes"]


def test_partitions_are_part_of_their_table(shelf: Shelf) -> None:
    shelf.table("sales", "a", object_type="partitioned_table")
    shelf.table("sales_2026", "a", partition_of=PartitionOf("sales", "main", "2026"))
    assert {item.table for item in shelf.report().findings} == {"sales"}
    assert shelf.report().coverage[0].tables.total == 1


def test_names_without_a_pattern_hold_no_blanks(shelf: Shelf) -> None:
    shelf.table("order items", Column("unit price", 1, "text"), "amount")
    assert shelf.found("name_pattern") == ["order items", "order items.unit price"]


def test_names_fit_the_pattern_for_their_type_of_object(shelf: Shelf) -> None:
    rules = LintRules(naming={"table": "t_[a-z]+", "view": "v_.*", "column": "[a-z]+", "index": "ix_.*", "constraint": ".*_key"})
    shelf.table("t_fine", "a", indexes=[Index("ix_a", [IndexPart("a")]), Index("a_ix", [IndexPart("a")])])
    shelf.table("orders", "a1", constraints=[Constraint("check", "c", expression="true"), Constraint("check", None, expression="true")])
    shelf.table("seen", "a", object_type="view")
    assert shelf.found("name_pattern", rules) == ["orders", "orders", "orders.a1", "seen", "t_fine"]


def test_reserved_words_are_found_in_any_case(shelf: Shelf) -> None:
    shelf.table("order", "Select", "name")
    assert shelf.found("name_reserved") == ["order", "order.Select"]


def test_the_case_that_is_rarer_in_a_schema_is_found(shelf: Shelf) -> None:
    shelf.table("orders", "id", "created_at", "CustomerId")
    shelf.table("Invoices", "id")
    shelf.table("Other", "TheOne", "ThatOne", "customer_id", "id", schema="mixed")
    shelf.table("EVEN", "odd", schema="undecided")
    assert shelf.found("name_case") == ["Invoices", "orders.CustomerId", "mixed.Other.customer_id"]


def test_columns_of_one_name_and_another_type_are_found(shelf: Shelf) -> None:
    for number in range(3):
        shelf.table(f"t{number}", "customer_id integer")
    shelf.table("odd", "customer_id text", "only text")
    shelf.table("seen", "customer_id numeric", object_type="view")
    assert shelf.found("column_type") == ["odd.customer_id"]


def test_of_two_equally_common_types_each_names_the_other(shelf: Shelf) -> None:
    shelf.table("one", "x integer")
    shelf.table("two", "x text")
    assert shelf.found("column_type") == ["one.x", "two.x"]


def test_a_column_called_like_a_table_wants_a_foreign_key(shelf: Shelf) -> None:
    shelf.table("customers", "id", "customer_id")
    shelf.table("category", "id")
    shelf.table("orders", "customer_id", "category_id", "external_id", "id", constraints=[refers("category_id", "category")])
    shelf.table("Lines", "CustomerId")
    assert shelf.found("reference") == ["Lines.CustomerId", "orders.customer_id"]


def test_a_table_that_nothing_refers_to_is_lonely(shelf: Shelf) -> None:
    shelf.table("orders", "id")
    shelf.table("lines", "order", constraints=[refers("order", "orders")])
    shelf.table("notes", "id")
    shelf.table("seen", "id", object_type="view")
    assert shelf.found("relations") == ["notes"]


def test_what_sounds_personal_wants_a_classification(shelf: Shelf) -> None:
    shelf.table("people", "email", "phone", "city")
    shelf.table("staff", "email")
    shelf.note("people", Note("classification", "public", column="phone"))
    shelf.note("staff", Note("classification", "personal"))
    assert shelf.found("classification") == ["people.email"]


@pytest.mark.parametrize(
    ("name", "sounds"),
    [
        ("email", True),
        ("CustomerEmail", True),
        ("e_mail_address", True),
        ("date_of_birth", True),
        ("creditCardNo", True),
        ("faxNumber", True),
        ("microphone", False),
        ("birth_place", False),
        ("card_game", False),
        ("emailed", False),
    ],
)
def test_names_that_sound_personal(name: str, sounds: bool) -> None:
    assert sounds_sensitive(name) is sounds


@pytest.mark.parametrize(
    ("column", "tables"),
    [
        ("customer_id", ["customer", "customers", "customeres"]),
        ("CategoryId", ["category", "categorys", "categories"]),
        ("ORDER_ID", ["order", "orders", "orderes"]),
        ("id", []),
        ("Id", []),
        ("paid", []),
        ("valid", []),
    ],
)
def test_what_a_column_points_at(column: str, tables: list[str]) -> None:
    assert meant_table(column) == tables


def test_cases() -> None:
    assert [case_of(name) for name in ("a_b", "A_B", "aB", "表1")] == ["lower", "upper", "mixed", None]
    assert common_case(["a", "B"]) is None
    assert common_case(["a", "b", "C"]) == "lower"
    assert common_case([]) is None


def test_a_column_of_type_enum_is_judged_as_any_other(shelf: Shelf) -> None:
    shelf.table("orders", Column("state", 1, "enum('a')", enum_values=["a"], comment="Where it stands"))
    assert shelf.found("column_description") == []
