"""How types compare: what can be held, read and written after a change that could before."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.diff.verdicts import column, of_column, said

from factbook_sdk.checks.types import Relation, compare_types, held_by
from factbook_sdk.facts.kinds.schema_snapshot import Domain

POSTGRES = [
    ("integer", "bigint", "widened"),
    ("bigint", "integer", "narrowed"),
    ("smallint", "numeric", "generalised"),
    ("bigint", "numeric(18,0)", "replaced"),
    ("bigint", "numeric(19,0)", "generalised"),
    ("integer", "double precision", "generalised"),
    ("bigint", "double precision", "replaced"),
    ("integer", "real", "replaced"),
    ("real", "double precision", "widened"),
    ("double precision", "real", "narrowed"),
    ("double precision", "numeric", "specialised"),
    ("numeric", "double precision", "replaced"),
    ("numeric(10,2)", "numeric(12,2)", "widened"),
    ("numeric(10,2)", "numeric", "widened"),
    ("numeric", "numeric(10,2)", "narrowed"),
    ("numeric(10,2)", "numeric(10,4)", "narrowed"),
    ("numeric(10,2)", "numeric(12,4)", "widened"),
    ("numeric(10,2)", "integer", "specialised"),
    ("character varying(20)", "character varying(50)", "widened"),
    ("character varying(50)", "character varying(20)", "narrowed"),
    ("character varying(50)", "text", "widened"),
    ("text", "character varying(50)", "narrowed"),
    ("character varying", "text", "same"),
    ("character(5)", "character(9)", "widened"),
    ("character(5)", "text", "generalised"),
    ("text", "character(5)", "specialised"),
    ("text", "integer", "replaced"),
    ("integer", "text", "replaced"),
    ("date", "timestamp without time zone", "generalised"),
    ("timestamp without time zone", "date", "specialised"),
    ("timestamp without time zone", "timestamp with time zone", "replaced"),
    ("timestamp(3) without time zone", "timestamp without time zone", "widened"),
    ("timestamp without time zone", "timestamp(3) without time zone", "narrowed"),
    ("time without time zone", "time with time zone", "replaced"),
    ("json", "jsonb", "replaced"),
    ("uuid", "text", "replaced"),
    ("integer[]", "bigint[]", "widened"),
    ("integer[]", "integer", "replaced"),
    ("text[]", "character varying(5)[]", "narrowed"),
    ("bit varying(5)", "bit varying(9)", "widened"),
    ("bytea", "text", "replaced"),
    ("boolean", "integer", "replaced"),
    ('"Odd".thing(3)', '"Odd".thing(4)', "replaced"),
    ("interval day to second(3)", "interval", "replaced"),
]
MYSQL = [
    ("int", "int unsigned", "narrowed"),
    ("int(11)", "int", "same"),
    ("int unsigned", "bigint", "widened"),
    ("bigint", "bigint unsigned", "narrowed"),
    ("tinyint(1)", "int", "widened"),
    ("text", "mediumtext", "widened"),
    ("longtext", "text", "narrowed"),
    ("varchar(20)", "tinytext", "widened"),
    ("varchar(100)", "tinytext", "narrowed"),
    ("tinytext", "varchar(255)", "widened"),
    ("blob", "longblob", "widened"),
    ("varbinary(9)", "blob", "widened"),
    ("datetime", "timestamp", "replaced"),
    ("datetime", "datetime(6)", "widened"),
    ("decimal(10,2)", "decimal(10,2) unsigned", "narrowed"),
    ("float", "double", "widened"),
    ("json", "longtext", "replaced"),
]
DUCKDB = [
    ("INTEGER", "HUGEINT", "widened"),
    ("UTINYINT", "SMALLINT", "widened"),
    ("VARCHAR", "INTEGER", "replaced"),
    ("TIMESTAMP", "TIMESTAMP_NS", "widened"),
    ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "replaced"),
    ("DECIMAL(18,3)", "DECIMAL(10,3)", "narrowed"),
    ("INTEGER[]", "INTEGER[3]", "replaced"),
    ("STRUCT(a INTEGER)", "STRUCT(a BIGINT)", "replaced"),
]
SQLITE = [
    ("INTEGER", "BIGINT", "same"),
    ("VARCHAR(20)", "TEXT", "same"),
    ("VARCHAR(20)", "VARCHAR(5)", "same"),
    ("INTEGER", "TEXT", "replaced"),
    ("", "BLOB", "same"),
    ("NUMERIC(10,2)", "REAL", "replaced"),
]
LINES = [
    (engine, *line)
    for engine, lines in (("postgresql", POSTGRES), ("mysql", MYSQL), ("duckdb", DUCKDB), ("sqlite", SQLITE))
    for line in lines
]


def related(before, after, engine=None):
    return compare_types(column(data_type=before), column(data_type=after), engine)


@pytest.mark.parametrize(("engine", "before", "after", "relation"), LINES)
def test_two_types_of_an_engine_compare_by_what_they_hold(engine, before, after, relation):
    assert related(before, after, engine) == relation


@pytest.mark.parametrize(("engine", "before", "after", "relation"), [line for line in LINES if line[0] == "postgresql"])
def test_names_that_one_engine_alone_prints_need_no_engine(engine, before, after, relation):
    assert related(before, after) == relation


def test_an_unnamed_engine_shows_itself_by_the_character_set_of_its_texts():
    before, after = (column(data_type=name, character_set="utf8mb4") for name in ("text", "longtext"))
    assert compare_types(before, after) is Relation.WIDENED


NAMES = sorted({name for _, *pair, _ in LINES for name in pair})


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "duckdb", "sqlite", None])
def test_turning_a_change_round_turns_the_answer_round(engine):
    opposite = {"widened": {"narrowed"}, "generalised": {"specialised", "replaced"}, "same": {"same"}}
    for before, after in itertools.product(NAMES, repeat=2):
        there, back = related(before, after, engine), related(after, before, engine)
        assert back in opposite.get(there, set(Relation)), (before, after, there, back)


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "duckdb", "sqlite"])
def test_widening_twice_is_widening(engine):
    widens = {pair for pair in itertools.product(NAMES, repeat=2) if related(*pair, engine) in ("widened", "same")}
    for (first, middle), (again, last) in itertools.product(widens, repeat=2):
        if middle == again:
            assert (first, last) in widens


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_an_engine_prints_is_compared_and_equal_types_are_the_same(before, after):
    assert related(before, before) is Relation.SAME
    assert related(before, after) in Relation


@given(st.integers(1, 60), st.integers(0, 20), st.integers(1, 60), st.integers(0, 20))
def test_a_decimal_is_wider_exactly_if_it_has_room_on_both_sides_of_the_point(precision, scale, new_precision, new_scale):
    has_room = new_precision - new_scale >= precision - scale and new_scale >= scale
    relation = related(f"numeric({precision},{scale})", f"numeric({new_precision},{new_scale})", "postgresql")
    assert (relation is not Relation.NARROWED) == has_room


def test_a_domain_holds_what_its_base_type_holds():
    typed = column(data_type="money", domain=Domain("money", base_type="numeric(10,2)"))
    assert held_by(typed) == held_by(column(data_type="numeric(10,2)"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("integer", "bigint", ("type_widened", "risky", "readers")),
        ("bigint", "integer", ("type_narrowed", "breaking", "writers")),
        ("text", "integer", ("type_replaced", "breaking", "readers writers")),
        ("character varying", "text", ("type_respelled", "cosmetic", "")),
    ],
)
def test_the_verdict_follows_from_how_the_types_compare(before, after, expected):
    assert said(of_column(column(data_type=before), column(data_type=after), "data_type")) == expected


def test_the_engine_decides_what_a_declared_type_binds():
    difference = of_column(column(data_type="VARCHAR(20)"), column(data_type="VARCHAR(5)"), "data_type")
    assert [said(difference, engine=engine)[0] for engine in ("sqlite", "postgresql", None)] == [
        "type_respelled",
        "type_narrowed",
        "type_narrowed",
    ]
