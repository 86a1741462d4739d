"""DBML: what dbdiagram.io and dbdocs read is what is known, whatever things are called."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from dbml_reader import Document, Reader
from golden import assert_golden
from shelves import HOSTILE, chinook, export, hostile, pagila, store, told

from factbook.export.contract import ExportReport
from factbook.export.dbml import DbmlExporter
from factbook.export.dbml_text import default
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository

TABLE = MetadataTarget("shop", "main", "orders")


def written(repository: MemoryRepository, folder: Path) -> tuple[Document, ExportReport]:
    report = export(DbmlExporter(), repository, folder / "out.dbml")
    return Reader((folder / "out.dbml").read_text(encoding="utf-8")).document(), report


def one(folder: Path, *columns: Column, constraints=(), indexes=(), object_type="table"):
    repository = MemoryRepository()
    store(repository, "schema_snapshot", TABLE, SchemaSnapshot(object_type, list(columns), list(constraints), list(indexes)))
    document, report = written(repository, folder)
    return document.tables["main", "orders"], report


def test_chinook_is_the_one_we_looked_at(tmp_path: Path) -> None:
    export(DbmlExporter(), chinook(tmp_path), tmp_path / "out.dbml")
    assert_golden("chinook.dbml", tmp_path / "out.dbml")


def test_a_told_pagila_is_the_one_we_looked_at(tmp_path: Path) -> None:
    export(DbmlExporter(), told(pagila()), tmp_path / "out.dbml")
    assert_golden("pagila.dbml", tmp_path / "out.dbml")


def test_pagila_is_read_whole(tmp_path: Path) -> None:
    document, report = written(told(pagila()), tmp_path)
    assert (len(document.tables), len(document.references)) == (30, 36)
    assert document.enums == {("public", "mpaa_rating"): ["G", "PG", "PG-13", "R", "NC-17"]}
    film = document.tables["public", "film"]
    assert film.types["rating"] == "public.mpaa_rating"
    assert film.types["special_features"] == "text[]"
    assert film.note == "Every film we have ever lent (ada)\nowner: Catalogue team (ada)"
    assert {loss.what.split(" ")[0]: loss.count for loss in report.warnings} == {"Views": 8, "Partitioning": 8}


def test_hostile_names_come_back_as_they_were(tmp_path: Path) -> None:
    document, _ = written(hostile(), tmp_path)
    shown = {re.sub(r"[\n\u2028\u2029\u202e]", lambda found: f"\\u{ord(found[0]):04x}", name) for name in HOSTILE}
    assert {table for _, table in document.tables} == shown
    assert len(document.references) == len(HOSTILE)


def test_settings_of_columns(tmp_path: Path) -> None:
    table, _ = one(
        tmp_path,
        Column("id", 1, "bigint", nullable=False, identity="always"),
        Column("code", 2, "varchar(10)", default="'it''s'::text", comment="a\n'b'"),
        Column("at", 3, "timestamp with time zone", default="now()"),
        Column("n", 4, "serial", nullable=False, default="nextval('n'::regclass)"),
        constraints=[Constraint("primary_key", "pk", ["id"]), Constraint("unique", "u", ["code"])],
    )
    assert table.columns == {
        "id": {"pk": "", "not null": "", "increment": ""},
        "code": {"unique": "", "default": "it's", "note": "a\n'b'"},
        "at": {"default": "now()"},
        "n": {"not null": "", "increment": ""},
    }
    assert table.types["at"] == "timestamp with time zone"


def test_a_key_of_several_columns_is_an_index(tmp_path: Path) -> None:
    keys = [Constraint("primary_key", "pk", ["a", "b"]), Constraint("unique", "u", ["b", "c"])]
    table, _ = one(tmp_path, *(Column(name, place, "int") for place, name in enumerate("abc", 1)), constraints=keys)
    assert table.indexes == [(("a", "b"), {"pk": ""}), (("b", "c"), {"unique": "", "name": "u"})]
    assert "pk" not in table.columns["a"]


def test_unique_under_a_condition_is_not_called_unique(tmp_path: Path) -> None:
    index = Index("i", [IndexPart(expression="lower(`a`)")], unique=True, predicate="a > 0", method="bloom")
    table, _ = one(tmp_path, Column("a", 1, "int"), indexes=[index])
    assert table.indexes == [(('lower("a")',), {"name": "i", "note": "unique where a > 0"})]


def test_checks_and_anonymous_enums(tmp_path: Path) -> None:
    table, _ = one(
        tmp_path,
        Column("state", 1, "enum('new','','old')", enum_values=["new", "", "old"]),
        constraints=[Constraint("check", "c", expression="`state` <> 'x'")],
    )
    assert table.checks == ["\"state\" <> 'x'"]
    assert table.types["state"] == "main.orders_state"


def test_references_that_dbml_refuses_are_counted_and_left_out(tmp_path: Path) -> None:
    columns = [Column("id", 1, "int"), Column("parent", 2, "int")]
    keys = [
        Constraint("primary_key", "pk", ["id"]),
        Constraint("foreign_key", "implicit", ["parent"], references=Reference("orders")),
        Constraint("foreign_key", "twice", ["parent"], references=Reference("orders", "main", ["id"])),
        Constraint("foreign_key", "nowhere", ["parent"], references=Reference("gone", "main", ["id"])),
        Constraint("foreign_key", "itself", ["id"], references=Reference("orders", "main", ["id"])),
    ]
    repository = MemoryRepository()
    store(repository, "schema_snapshot", TABLE, SchemaSnapshot("table", columns, keys))
    document, report = written(repository, tmp_path)
    assert [(child, parent) for child, _, parent, _ in document.references] == [(("main", "orders", "parent"), ("main", "orders", "id"))]
    assert [loss.count for loss in report.warnings] == [3]


def test_two_sources_do_not_mix(tmp_path: Path) -> None:
    repository = pagila()
    store(repository, "schema_snapshot", MetadataTarget("shop", "public", "film"), SchemaSnapshot("table", [Column("id", 1, "int")]))
    document, _ = written(repository, tmp_path)
    assert {("pagila.public", "film"), ("shop.public", "film")} < document.tables.keys()


def test_a_table_without_columns_is_left_out(tmp_path: Path) -> None:
    repository = MemoryRepository()
    store(repository, "schema_snapshot", TABLE, SchemaSnapshot("table", []))
    document, report = written(repository, tmp_path)
    assert document.tables == {}
    assert [loss.what for loss in report.warnings] == ["A table without columns has no place in DBML"]


@pytest.mark.parametrize(
    ("said", "written_as"),
    [
        ("1", "1"),
        ("-2.50", "-2.50"),
        ("TRUE", "true"),
        ("NULL", "null"),
        ("'a\\b'", "`'a\\b'`"),
        ("'x'::character varying(9)", "'x'"),
        ("a\n + b", "`a + b`"),
    ],
)
def test_defaults(said: str, written_as: str) -> None:
    assert default(said) == written_as
