"""Comparing is pure: each difference is found once, in its own respect, and nothing that follows from another is said again."""

import sys
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

sys.path.insert(0, str(Path(__file__).parent))
from comparing import SEVERITY

from factbook.diff.compare import compare_catalogs, compare_schemas, compare_tables
from factbook.diff.model import Difference
from factbook.diff.paths import join_path, split_path
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import (
    Column,
    Constraint,
    Domain,
    Index,
    IndexPart,
    Partition,
    Partitioning,
    PartitionOf,
    Reference,
    SchemaSnapshot,
)

NAME = TableName("s", "t")
TURNED = {"added": "removed", "removed": "added", "changed": "changed"}


def columns(*names, **fields):
    return [Column(name, place, "text", **fields) for place, name in enumerate(names, 1)]


def table(*names, **fields):
    return SchemaSnapshot("table", columns(*names), **fields)


def compared(before, after, **options):
    return [(item.change, item.object, item.path, item.aspect) for item in compare_tables(NAME, before, after, **options)]


def column(before, after):
    """Compare two states of the column ``c``, given as the fields that are not the default."""
    return compared(
        SchemaSnapshot("table", [Column(**({"name": "c", "position": 1, "data_type": "text"} | before))]),
        SchemaSnapshot("table", [Column(**({"name": "c", "position": 1, "data_type": "text"} | after))]),
    )


FULL = SchemaSnapshot(
    "table",
    [
        Column("a", 1, "text"),
        Column(
            "b",
            2,
            "t",
            default="1",
            comment="c",
            length=1,
            precision=1,
            scale=1,
            collation="x",
            character_set="x",
            enum_values=["x", "y"],
            array_dimensions=1,
            domain=Domain("d", "s", "int", default="1", checks=["x"]),
            identity="always",
            generated="stored",
            generation_expression="x",
            on_update="x",
        ),
    ],
    constraints=[
        Constraint("foreign_key", "f", ["a"], "x", Reference("t", "s", ["a"], "x", "x", "x"), comment="x"),
    ],
    indexes=[
        Index("i", [IndexPart("a", "x", nulls="first", collation="x", operator_class="x", prefix_length=1)], predicate="x", method="m")
    ],
    partitioning=Partitioning("range", "a", ["a"], [Partition("p", "1", ["x"], "x")], "hash", "b"),
    partition_of=PartitionOf("t", "s", "x"),
    inherits=["s.x"],
    definition="x",
    comment="x",
    owner="x",
    options={"x": 1},
)


def places(value: Any, path: tuple[Any, ...] = ()):
    """Yield the path of every field of every struct inside."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield (*path, name)
            yield from places(getattr(value, name), (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def altered(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the value with the field at the path given another value of its type."""
    first, *rest = path
    if isinstance(value, list):
        return [altered(item, tuple(rest)) if index == first else item for index, item in enumerate(value)]
    if rest:
        return msgspec.structs.replace(value, **{first: altered(getattr(value, first), tuple(rest))})
    return msgspec.structs.replace(value, **{first: other(getattr(value, first), get_type_hints(type(value))[first])})


def other(value: Any, hint: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 7
    choices = [choice for part in (hint, *get_args(hint)) if get_origin(part) is not None for choice in get_args(part)]
    literals = [choice for choice in choices if isinstance(choice, str) and choice != value]
    if isinstance(value, str) or (value is None and literals):
        return literals[0] if literals else f"{value} altered"
    if isinstance(value, list):
        return [] if value else ["set"]
    if isinstance(value, dict):
        return {"x": 2}
    return None if value is not None else "set"


# A column's position counts among the others: one that is last stays last, whatever its number.
FIELDS = [path for path in places(FULL) if path != ("columns", 1, "position")]


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: ".".join(map(str, path)))
def test_every_field_of_a_snapshot_is_compared(path):
    """Whoever adds a field to the snapshot is told here that nothing compares it yet."""
    after = altered(FULL, path)
    assert after != FULL
    assert compared(FULL, after), path


def test_the_walk_reaches_every_struct_of_the_snapshot():
    reached = {type(step) for step in walk(FULL)}
    assert reached == {
        SchemaSnapshot, Column, Domain, Constraint, Reference, Index, IndexPart, Partitioning, Partition, PartitionOf
    }  # fmt: skip


def walk(value):
    if isinstance(value, msgspec.Struct):
        yield value
        for name in value.__struct_fields__:
            yield from walk(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


@pytest.mark.parametrize(
    ("before", "after", "path", "aspect"),
    [
        ({}, {"comment": "c"}, "columns.c.comment", "comment"),
        ({}, {"collation": "C"}, "columns.c.collation", "collation"),
        ({"character_set": "latin1"}, {"character_set": "utf8mb4"}, "columns.c.character_set", "collation"),
        ({}, {"nullable": False}, "columns.c.nullable", "structure"),
        ({}, {"default": "1"}, "columns.c.default", "structure"),
        ({}, {"data_type": "integer"}, "columns.c.data_type", "structure"),
        ({}, {"identity": "always"}, "columns.c.identity", "structure"),
        ({"enum_values": ["a", "b"]}, {"enum_values": ["b", "a"]}, "columns.c.enum_values", "order"),
        ({"enum_values": ["a", "b"]}, {"enum_values": ["a"]}, "columns.c.enum_values", "structure"),
    ],
)
def test_one_change_of_a_column_is_one_difference_in_its_respect(before, after, path, aspect):
    assert column(before, after) == [("changed", "column", path, aspect)]


def test_what_is_part_of_a_type_or_comes_with_it_is_not_said_again():
    narrowed = column({"data_type": "varchar(40)", "length": 40}, {"data_type": "varchar(20)", "length": 20})
    assert narrowed == [("changed", "column", "columns.c.data_type", "structure")]
    turned = column({"collation": "x", "character_set": "y"}, {"data_type": "integer"})
    assert turned == [("changed", "column", "columns.c.data_type", "structure")]
    listed = {"data_type": "enum('a','b')", "enum_values": ["a", "b"]}, {"data_type": "enum('a')", "enum_values": ["a"]}
    assert column(*listed) == [("changed", "column", "columns.c.enum_values", "structure")]
    named = {"data_type": "mood", "enum_values": ["a", "b"]}, {"data_type": "feeling", "enum_values": ["a", "b"]}
    assert column(*named) == [("changed", "column", "columns.c.data_type", "structure")]


def test_a_column_added_in_the_middle_moves_nothing():
    assert compared(table("a", "b", "c"), table("a", "x", "b", "c")) == [("added", "column", "columns.x", "structure")]


def test_moving_one_column_is_one_difference_of_order():
    assert compared(table("a", "b", "c", "d"), table("b", "c", "d", "a")) == [("changed", "column", "columns.a.position", "order")]


@given(st.permutations(list("abcdefgh")))
def test_an_order_is_explained_by_the_fewest_columns_that_could_have_moved(order):
    moved = compared(table(*"abcdefgh"), table(*order))
    assert all(aspect == "order" for _, _, _, aspect in moved)
    stayed = [name for name in order if ("changed", "column", f"columns.{name}.position", "order") not in moved]
    assert stayed == sorted(stayed)
    assert len(moved) <= sum(name != place for name, place in zip(order, "abcdefgh", strict=True))


KEY = Constraint("primary_key", "t_pkey", ["a"])
CHECK = Constraint("check", "t_check1", expression="a > 0")


def keyed(*constraints, indexes=()):
    return table("a", "b", constraints=list(constraints), indexes=list(indexes))


def test_a_constraint_under_another_name_is_renamed_and_not_dropped():
    renamed = msgspec.structs.replace(CHECK, name="positive")
    assert compared(keyed(CHECK), keyed(renamed)) == [("changed", "constraint", "constraints.positive.name", "structure")]


def test_a_constraint_that_says_something_else_under_its_name_is_changed():
    other = msgspec.structs.replace(CHECK, expression="a > 1")
    assert compared(keyed(CHECK), keyed(other)) == [("changed", "constraint", "constraints.t_check1.expression", "structure")]


def test_equal_constraints_are_matched_by_name_first():
    twice = [msgspec.structs.replace(CHECK, name=name) for name in ("x", "y")]
    assert compared(keyed(*twice), keyed(twice[1])) == [("removed", "constraint", "constraints.x", "structure")]


def test_names_that_were_swapped_are_told_by_content():
    first, second = CHECK, Constraint("check", "t_check2", expression="b > 0")
    swapped = [msgspec.structs.replace(first, name="t_check2"), msgspec.structs.replace(second, name="t_check1")]
    assert {path for _, _, path, _ in compared(keyed(first, second), keyed(*swapped))} == {
        "constraints.t_check1.name",
        "constraints.t_check2.name",
    }


def test_a_primary_key_of_other_columns_is_the_key_changed():
    other = Constraint("primary_key", "t_pkey", ["b"])
    assert compared(keyed(KEY), keyed(other)) == [("changed", "constraint", "constraints.t_pkey.columns", "structure")]


def test_a_constraint_without_a_name_is_told_by_its_columns():
    unnamed = Constraint("unique", None, ["a", "b"])
    assert compared(keyed(), keyed(unnamed)) == [("added", "constraint", "constraints.unique(a, b)", "structure")]


def test_the_index_behind_a_key_comes_and_goes_with_it():
    index = Index("t_pkey", [IndexPart("a")], unique=True, primary=True)
    assert compared(keyed(), keyed(KEY, indexes=[index])) == [("added", "constraint", "constraints.t_pkey", "structure")]
    moved = Index("t_pkey", [IndexPart("b")], unique=True, primary=True)
    after = keyed(Constraint("primary_key", "t_pkey", ["b"]), indexes=[moved])
    assert compared(keyed(KEY, indexes=[index]), after) == [("changed", "constraint", "constraints.t_pkey.columns", "structure")]


def test_an_index_of_its_own_on_the_columns_of_a_key_is_seen():
    index = Index("t_pkey", [IndexPart("a")], unique=True, primary=True)
    own = Index("mine", [IndexPart("a")], unique=True)
    assert compared(keyed(KEY, indexes=[index]), keyed(KEY, indexes=[index, own])) == [("added", "index", "indexes.mine", "structure")]


@pytest.mark.parametrize(
    ("change", "path", "aspect"),
    [
        ({"name": "j"}, "indexes.j.name", "structure"),
        ({"unique": True}, "indexes.i.unique", "structure"),
        ({"method": "hash"}, "indexes.i.method", "storage"),
        ({"comment": "why"}, "indexes.i.comment", "comment"),
        ({"parts": [IndexPart("b")]}, "indexes.i.parts", "structure"),
        ({"parts": [IndexPart("a", collation="C")]}, "indexes.i.parts", "collation"),
        ({"parts": [IndexPart("a", operator_class="x")]}, "indexes.i.parts", "storage"),
    ],
)
def test_one_change_of_an_index_is_one_difference_in_its_respect(change, path, aspect):
    index = Index("i", [IndexPart("a")])
    after = msgspec.structs.replace(index, **change)
    assert compared(keyed(indexes=[index]), keyed(indexes=[after])) == [("changed", "index", path, aspect)]


def test_not_null_constraints_say_nothing_that_the_columns_do_not_say():
    assert compared(keyed(), keyed(Constraint("not_null", "t_a_not_null", ["a"]))) == []
    unproven = Constraint("not_null", "t_a_not_null", ["a"], validated=False)
    assert compared(keyed(), keyed(unproven)) == [("added", "constraint", "constraints.t_a_not_null", "structure")]


@pytest.mark.parametrize(
    ("change", "path", "aspect"),
    [
        ({"object_type": "view"}, "object_type", "structure"),
        ({"definition": "SELECT 1"}, "definition", "definition"),
        ({"comment": "c"}, "comment", "comment"),
        ({"owner": "o"}, "owner", "storage"),
        ({"inherits": ["s.p"]}, "inherits", "structure"),
        ({"options": {"engine": "InnoDB"}}, "options.engine", "storage"),
        ({"options": {"collation": "utf8mb4_bin"}}, "options.collation", "collation"),
        ({"options": {"check_option": "LOCAL"}}, "options.check_option", "structure"),
        ({"partitioning": Partitioning("range", "a")}, "partitioning", "structure"),
    ],
)
def test_one_change_of_a_table_is_one_difference_in_its_respect(change, path, aspect):
    before = table("a")
    assert compared(before, msgspec.structs.replace(before, **change)) == [("changed", "table", path, aspect)]


def test_partitions_are_compared_one_by_one():
    before = table("a", partitioning=Partitioning("range", "a", ["a"], [Partition("p1", "10"), Partition("p2", "20")]))
    after = table("a", partitioning=Partitioning("range", "a", ["a"], [Partition("p2", "25"), Partition("p3", "30")]))
    assert compared(before, after) == [
        ("removed", "partition", "partitioning.partitions.p1", "structure"),
        ("changed", "partition", "partitioning.partitions.p2.values", "structure"),
        ("added", "partition", "partitioning.partitions.p3", "structure"),
    ]


def test_a_table_that_came_or_went_is_one_difference():
    assert compared(None, FULL) == [("added", "table", "", "structure")]
    assert compared(FULL, None) == [("removed", "table", "", "structure")]


def test_between_two_places_who_owns_a_table_says_nothing():
    assert compared(table("a", owner="x"), table("a", owner="y"), across=True) == []


def test_schemas_come_and_go():
    assert [(item.change, item.schema, item.name) for item in compare_schemas({"a", "b"}, {"b", "c"})] == [
        ("removed", "a", None),
        ("added", "c", None),
    ]


def test_values_before_and_after_are_those_of_the_path():
    (difference,) = compare_tables(NAME, table("a"), table("a", comment="c"))
    assert isinstance(difference, Difference)
    assert (difference.before, difference.after, difference.snapshot_after.comment) == (None, "c", "c")


names = st.sampled_from(["a", "b", "c", "d.e", 'f"g', ""])
any_column = st.builds(
    Column, name=names, position=st.just(0), data_type=st.sampled_from(["int", "text"]), nullable=st.booleans(),
    comment=st.sampled_from([None, "x"]), enum_values=st.sampled_from([[], ["p", "q"], ["q", "p"]]),
)  # fmt: skip
any_constraint = st.builds(
    Constraint,
    type=st.sampled_from(["unique", "check", "foreign_key"]),
    name=st.sampled_from([None, "x", "y", "z"]),
    columns=st.sampled_from([[], ["a"], ["a", "b"]]),
)
any_index = st.builds(
    Index, name=st.sampled_from(["x", "y", "i", "j"]), parts=st.sampled_from([[IndexPart("a")], [IndexPart("b")]]), unique=st.booleans()
)


def unique_by_name(items):
    return list({item.name: item for item in items}.values())


any_table = st.builds(
    SchemaSnapshot,
    object_type=st.sampled_from(["table", "view"]),
    columns=st.lists(any_column, max_size=5).map(
        lambda found: [msgspec.structs.replace(item, position=place) for place, item in enumerate(unique_by_name(found), 1)]
    ),
    constraints=st.lists(any_constraint, max_size=4),
    indexes=st.lists(any_index, max_size=4).map(unique_by_name),
    comment=st.sampled_from([None, "x"]),
)
any_catalog = st.dictionaries(st.sampled_from([TableName("s", "a"), TableName("s", "b"), TableName("r", "a")]), any_table)


@given(any_catalog)
def test_a_catalogue_does_not_differ_from_a_copy_of_itself(catalog):
    copy = {name: msgspec.convert(msgspec.to_builtins(snapshot), SchemaSnapshot) for name, snapshot in catalog.items()}
    assert compare_catalogs(catalog, copy) == []


@given(any_catalog, any_catalog)
def test_backwards_what_was_added_is_removed(before, after):
    forth, back = compare_catalogs(before, after), compare_catalogs(after, before)
    there = sorted((TURNED[item.change], item.object, str(item.name), item.path) for item in forth if item.change != "changed")
    again = sorted((item.change, item.object, str(item.name), item.path) for item in back if item.change != "changed")
    assert there == again
    assert bool(forth) == bool(back)


@given(any_catalog, any_catalog)
def test_a_difference_is_found_exactly_where_snapshots_differ(before, after):
    differing = {name for name in before.keys() | after.keys() if not same(before.get(name), after.get(name))}
    assert {item.name for item in compare_catalogs(before, after)} == differing


def same(before, after):
    """Return whether two snapshots say the same, the order of constraints and indexes aside."""
    return before is not None and after is not None and before.to_payload() == after.to_payload()


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_a_path_is_read_back_as_it_was_written(parts):
    assert split_path(join_path(*parts)) == tuple(parts)


def test_the_judge_of_these_tests_knows_every_change():
    assert set(SEVERITY) == set(TURNED)
