"""Each difference gets one verdict, by the rule that is meant for it."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.diff.verdicts import HOSTILE, column, foreign_key, found, index, key, of_column, of_constraint, of_index, said, table

from factbook.diff.comparison import Judged
from factbook.diff.model import Aspect, Difference, ObjectType
from factbook.diff.paths import join_path
from factbook.diff.using import Use
from factbook.diff.verdict import RULES, UNKNOWN, judge
from factbook.diff.verdict.case import case_of
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds import schema_snapshot as kind
from factbook_sdk.facts.kinds.schema_snapshot import Column, Domain, Partition, PartitionOf, Reference, SchemaSnapshot

BREAKS_BOTH, BREAKS_READERS, BREAKS_WRITERS = (("breaking", who) for who in ("readers writers", "readers", "writers"))
RISKY_BOTH, RISKY_READERS, RISKY_WRITERS = (("risky", who) for who in ("readers writers", "readers", "writers"))
COMPATIBLE, COSMETIC = ("compatible", ""), ("cosmetic", "")

VIEW = table(column(), object_type="view", definition="SELECT 1")
WRITABLE_VIEW = msgspec.structs.replace(VIEW, options={"check_option": "local"})
TABLE = table(column())
MONEY = Domain("money", "public", "numeric(10,2)", checks=["VALUE > 0"])
POSITIVE, ANYTHING = Domain("d", "public", "integer", checks=["VALUE > 0"]), Domain("d", "public", "integer")


def schema(change: Any) -> Difference:
    return Difference(change, "schema", "public", None)


def field(name: str, before: Any, after: Any, **more: Any) -> Difference:
    return found(TABLE, TABLE, path=name, before=before, after=after, **more)


TABLES = [
    (schema("added"), "schema_added", COMPATIBLE),
    (schema("removed"), "schema_removed", BREAKS_BOTH),
    (schema("changed"), "schema_changed", RISKY_BOTH),
    (found(None, TABLE), "table_added", COMPATIBLE),
    (found(TABLE, None), "table_removed", BREAKS_BOTH),
    (found(None, VIEW), "view_added", COMPATIBLE),
    (found(VIEW, None), "view_removed", BREAKS_READERS),
    (found(WRITABLE_VIEW, None), "view_removed", BREAKS_BOTH),
    (field("object_type", "table", "view"), "table_became_view", BREAKS_WRITERS),
    (field("object_type", "view", "table"), "object_type_changed", RISKY_BOTH),
    (of_column(column(), None, object_type="view"), "column_removed", BREAKS_READERS),
    (of_column(column(), None, object_type="view", options={"check_option": "local"}), "column_removed", BREAKS_BOTH),
    (of_column(column(), column(nullable=False), "nullable", object_type="view"), "nullability_tightened", COMPATIBLE),
    (of_column(column(), column(nullable=False), "nullable", object_type="materialized_view"), "nullability_tightened", COMPATIBLE),
    (field("object_type", "view", "materialized_view"), "object_type_changed", RISKY_BOTH),
    (field("object_type", "table", "partitioned_table"), "table_became_partitioned", COMPATIBLE),
    (field("definition", "SELECT 1", "SELECT 2", aspect="definition"), "view_redefined", RISKY_READERS),
    (field("partitioning", None, {"strategy": "list", "key": "c"}), "partitioning_changed", RISKY_WRITERS),
    (field("partition_of", None, {"table": "p"}, object="partition"), "partition_attachment_changed", RISKY_BOTH),
    (field("inherits", [], ["public.p"]), "inheritance_changed", RISKY_READERS),
    (field("options.check_option", None, "local"), "table_option_changed", RISKY_BOTH),
    (field("options.engine", "InnoDB", "MyISAM", aspect="storage"), "storage_changed", COSMETIC),
    (field("options.collation", "a", "b", aspect="collation"), "collation_changed", RISKY_BOTH),
    (field("comment", None, "new", aspect="comment"), "comment_changed", COSMETIC),
    (field("comment", None, "new"), "comment_changed", COSMETIC),
    (field("owner", "a", "b", aspect="storage"), "storage_changed", COSMETIC),
    (found(TABLE, TABLE, object="partition", change="added", path="partitioning.partitions.p"), "partition_added", COMPATIBLE),
    (found(TABLE, TABLE, object="partition", change="removed", path="partitioning.partitions.p"), "partition_removed", BREAKS_BOTH),
    (field("partitioning.partitions.p.values", "10", "20", object="partition"), "partition_changed", RISKY_WRITERS),
]

COLUMNS = [
    (of_column(None, column()), "column_added", COMPATIBLE),
    (of_column(None, column(nullable=False)), "required_column_added", BREAKS_WRITERS),
    (of_column(None, column(nullable=False, default="0")), "column_added", COMPATIBLE),
    (of_column(None, column(nullable=False, identity="always")), "column_added", COMPATIBLE),
    (of_column(None, column(nullable=False, generated="stored")), "column_added", COMPATIBLE),
    (of_column(None, column(domain=Domain("d", nullable=False))), "required_column_added", BREAKS_WRITERS),
    (of_column(None, column(nullable=False), object_type="view"), "column_added", COMPATIBLE),
    (of_column(column(), None), "column_removed", BREAKS_BOTH),
    (field("columns.c.name", "c", "d", object="column"), "column_renamed", BREAKS_BOTH),
    (of_column(column(), column(nullable=False), "nullable"), "nullability_tightened", BREAKS_WRITERS),
    (of_column(column(nullable=False), column(), "nullable"), "nullability_relaxed", RISKY_READERS),
    (of_column(column(), column(default="0"), "default"), "default_added", COMPATIBLE),
    (of_column(column(default="1"), column(default="0"), "default"), "default_changed", RISKY_READERS),
    (of_column(column(default="1"), column(), "default"), "default_removed_for_null", RISKY_READERS),
    (of_column(column(default="1", nullable=False), column(nullable=False), "default"), "default_removed", BREAKS_WRITERS),
    (of_column(column(default="n"), column(identity="always"), "default"), "default_replaced_by_identity", COMPATIBLE),
    (of_column(column(), column(identity="by default"), "identity"), "identity_added", COMPATIBLE),
    (of_column(column(identity="always"), column(identity="by default"), "identity"), "identity_added", COMPATIBLE),
    (of_column(column(identity="by default"), column(identity="always"), "identity"), "identity_always", BREAKS_WRITERS),
    (of_column(column(identity="always", nullable=False), column(nullable=False), "identity"), "identity_removed", BREAKS_WRITERS),
    (of_column(column(identity="always"), column(default="n"), "identity"), "identity_replaced", RISKY_READERS),
    (of_column(column(), column(generated="stored"), "generated"), "generated_added", BREAKS_WRITERS),
    (of_column(column(generated="stored"), column(), "generated"), "generated_removed", RISKY_READERS),
    (of_column(column(generated="stored"), column(generated="virtual"), "generated"), "generated_storage_changed", COMPATIBLE),
    (
        of_column(column(generation_expression="a"), column(generation_expression="b"), "generation_expression"),
        "generation_changed",
        RISKY_READERS,
    ),
    (of_column(column(generation_expression="a"), column(), "generation_expression"), "generation_detail", COSMETIC),
    (of_column(column(), column(on_update="now()"), "on_update"), "on_update_changed", RISKY_READERS),
    (of_column(column(), column(invisible=True), "invisible"), "column_hidden", RISKY_READERS),
    (of_column(column(invisible=True), column(), "invisible"), "column_shown", COMPATIBLE),
    (of_column(column(), column(comment="new"), "comment"), "comment_changed", COSMETIC),
    (of_column(Column("c", 1, "int"), Column("c", 2, "int"), "position"), "order_changed", COSMETIC),
    (of_column(column(collation="C"), column(collation="de"), "collation"), "collation_changed", RISKY_BOTH),
    (of_column(column(), column(domain=POSITIVE), "domain"), "domain_tightened", BREAKS_WRITERS),
    (of_column(column(domain=POSITIVE), column(domain=ANYTHING), "domain"), "domain_relaxed", RISKY_READERS),
    (of_column(column(domain=ANYTHING), column(domain=Domain("e", "public")), "domain"), "domain_changed", RISKY_BOTH),
    (of_column(column(domain=ANYTHING), column(domain=POSITIVE), "domain.checks"), "domain_tightened", BREAKS_WRITERS),
]

LETTERS, MORE, OTHER, TURNED = (column(data_type="kind", enum_values=list(labels)) for labels in ("ab", "abc", "ad", "ba"))
ENUMS = [
    (of_column(LETTERS, MORE, "enum_values"), "enum_value_added", RISKY_READERS),
    (of_column(MORE, LETTERS, "enum_values"), "enum_value_removed", BREAKS_BOTH),
    (of_column(LETTERS, OTHER, "enum_values"), "enum_value_removed", BREAKS_BOTH),
    (msgspec.structs.replace(of_column(LETTERS, TURNED, "enum_values"), aspect="order"), "enum_reordered", RISKY_READERS),
    (of_column(LETTERS, column(data_type="text"), "enum_values"), "type_detail", COSMETIC),
    (of_column(LETTERS, column(data_type="text"), "data_type"), "type_generalised", RISKY_READERS),
    (of_column(column(data_type="text"), LETTERS, "data_type"), "type_specialised", BREAKS_BOTH),
    (of_column(column(data_type="varchar(9)", length=9), column(data_type="varchar(5)", length=5), "length"), "type_detail", COSMETIC),
    (of_column(column(character_set="utf8mb4"), column(character_set="latin1"), "character_set"), "character_set_narrowed", BREAKS_WRITERS),
    (of_column(column(character_set="latin1"), column(character_set="utf8mb4"), "character_set"), "collation_changed", RISKY_BOTH),
    (of_column(column(character_set="utf8"), column(character_set="utf8mb3"), "character_set"), "collation_changed", RISKY_BOTH),
]

PRIMARY, WIDE = key("primary_key", "c"), key("primary_key", "c", "d")
UNIQUE, UNIQUE_PAIR = key("unique", "c"), key("unique", "c", "d")
CHECK, OTHER_CHECK = key("check", expression="c > 0"), key("check", expression="c > 9")
EXCLUSION = key("exclusion", expression="EXCLUDE USING gist (c WITH &&)")
LATER, LOOSE, PENDING = (
    key("check", expression="c > 0", **{name: value}) for name, value in [("deferrable", True), ("enforced", False), ("validated", False)]
)
CONSTRAINTS = [
    (of_constraint(None, PRIMARY), "primary_key_added", BREAKS_WRITERS),
    (of_constraint(PRIMARY, None), "primary_key_removed", BREAKS_BOTH),
    (of_constraint(PRIMARY, WIDE, "columns"), "primary_key_changed", BREAKS_BOTH),
    (of_constraint(None, UNIQUE), "unique_added", BREAKS_WRITERS),
    (of_constraint(UNIQUE, None), "unique_removed", RISKY_BOTH),
    (of_constraint(UNIQUE, UNIQUE_PAIR, "columns"), "unique_relaxed", RISKY_BOTH),
    (of_constraint(UNIQUE_PAIR, UNIQUE, "columns"), "unique_tightened", BREAKS_WRITERS),
    (of_constraint(UNIQUE, key("unique", "c", nulls_not_distinct=True), "nulls_not_distinct"), "unique_tightened", BREAKS_WRITERS),
    (of_constraint(key("unique", "c", nulls_not_distinct=True), UNIQUE, "nulls_not_distinct"), "unique_relaxed", RISKY_BOTH),
    (of_constraint(None, foreign_key()), "foreign_key_added", BREAKS_WRITERS),
    (of_constraint(foreign_key(), None), "foreign_key_removed", RISKY_READERS),
    (of_constraint(foreign_key(), foreign_key(table_name="u"), "references"), "foreign_key_redirected", BREAKS_BOTH),
    (of_constraint(foreign_key("CASCADE"), foreign_key(), "references"), "foreign_key_refuses_more", BREAKS_WRITERS),
    (of_constraint(foreign_key(), foreign_key("CASCADE"), "references"), "foreign_key_action_changed", RISKY_BOTH),
    (of_constraint(None, CHECK), "check_added", BREAKS_WRITERS),
    (of_constraint(CHECK, None), "check_removed", RISKY_READERS),
    (of_constraint(CHECK, OTHER_CHECK, "expression"), "check_changed", BREAKS_BOTH),
    (of_constraint(None, EXCLUSION), "exclusion_added", BREAKS_WRITERS),
    (of_constraint(EXCLUSION, None), "exclusion_removed", RISKY_READERS),
    (of_constraint(EXCLUSION, key("exclusion", expression="x"), "expression"), "exclusion_changed", BREAKS_BOTH),
    (of_constraint(None, key("not_null", "c")), "not_null_constraint", COSMETIC),
    (of_constraint(CHECK, key("check", name="k2", expression="c > 0"), "name"), "constraint_renamed", COMPATIBLE),
    (of_constraint(CHECK, LATER, "deferrable"), "constraint_timing_changed", RISKY_WRITERS),
    (of_constraint(LOOSE, CHECK, "enforced"), "constraint_enforced", BREAKS_WRITERS),
    (of_constraint(CHECK, LOOSE, "enforced"), "constraint_unenforced", RISKY_READERS),
    (of_constraint(PENDING, CHECK, "validated"), "constraint_validated", COMPATIBLE),
    (of_constraint(CHECK, PENDING, "validated"), "constraint_unvalidated", RISKY_READERS),
    (of_constraint(CHECK, key("check", expression="c > 0", comment="x"), "comment"), "comment_changed", COSMETIC),
]

PLAIN, ONLY = index("c"), index("c", unique=True)
INDEXES = [
    (of_index(None, PLAIN), "index_added", COMPATIBLE),
    (of_index(PLAIN, None), "index_removed", RISKY_READERS),
    (of_index(None, ONLY), "unique_index_added", BREAKS_WRITERS),
    (of_index(ONLY, None), "unique_index_removed", RISKY_BOTH),
    (of_index(PLAIN, ONLY, "unique"), "index_became_unique", BREAKS_WRITERS),
    (of_index(ONLY, PLAIN, "unique"), "index_unique_no_more", RISKY_BOTH),
    (of_index(ONLY, index("c", "d", unique=True), "parts"), "unique_index_changed", BREAKS_WRITERS),
    (of_index(PLAIN, index("d"), "parts"), "index_changed", RISKY_READERS),
    (msgspec.structs.replace(of_index(PLAIN, index("c", visible=False), "visible"), aspect="storage"), "index_changed", RISKY_READERS),
    (of_index(PLAIN, index("c", name="j"), "name"), "index_renamed", COSMETIC),
    (of_index(None, ONLY, constraints=[UNIQUE]), "constraint_index", COSMETIC),
    (of_index(None, index("c", unique=True, primary=True)), "constraint_index", COSMETIC),
    (of_index(None, index("d", unique=True), constraints=[UNIQUE]), "unique_index_added", BREAKS_WRITERS),
    (of_index(None, index("c", unique=True, predicate="c > 0"), constraints=[UNIQUE]), "unique_index_added", BREAKS_WRITERS),
]

LINES = [*TABLES, *COLUMNS, *ENUMS, *CONSTRAINTS, *INDEXES]


@pytest.mark.parametrize(("difference", "rule", "expected"), LINES, ids=[f"{number}-{line[1]}" for number, line in enumerate(LINES)])
def test_a_difference_is_judged_by_the_rule_meant_for_it(difference, rule, expected):
    assert said(difference) == (rule, *expected)


def test_every_rule_has_a_line_that_shows_it():
    by_types = {f"type_{name}" for name in ("respelled", "widened", "narrowed", "replaced")}
    assert {rule for _, rule, _ in LINES} | by_types == {rule.name for rule in RULES}


def test_a_rule_that_harms_nobody_breaks_nobody_and_one_that_harms_says_whom():
    assert [rule.name for rule in RULES if bool(rule.breaks) != (rule.severity in ("breaking", "risky"))] == []


STRUCTS = {"table": SchemaSnapshot, "column": Column, "constraint": kind.Constraint, "index": kind.Index, "partition": Partition}
PLACES = {"column": ("columns",), "constraint": ("constraints",), "index": ("indexes",), "partition": ("partitioning", "partitions")}
LISTS = ("columns", "constraints", "indexes")
"""What is compared item by item."""


def combinations():
    """Yield every object with every change, aspect and attribute that a snapshot of today can differ in."""
    for what, change, aspect in itertools.product(get_args(ObjectType), ("added", "removed", "changed"), get_args(Aspect)):
        fields = [name for name in getattr(STRUCTS.get(what), "__struct_fields__", ()) if what != "table" or name not in LISTS]
        for name in fields if change == "changed" and what != "schema" else [""]:
            yield what, change, aspect, name


FULL = table(
    column(enum_values=["a"], domain=MONEY),
    constraints=[key("primary_key", "c"), foreign_key()],
    indexes=[index("c")],
    partition_of=PartitionOf("p"),
)


@pytest.mark.parametrize(("what", "change", "aspect", "name"), list(combinations()))
def test_every_combination_of_object_change_aspect_and_attribute_has_exactly_one_rule(what, change, aspect, name):
    part = {"column": "c", "constraint": "k", "index": "i", "partition": "p"}.get(what)
    path = join_path(*PLACES.get(what, ()), *([part] if part else []), *([name] if name else []))
    for before, after in ((None, "x"), ("x", None), ("x", "y"), (True, False), (False, True)):
        sides = {"before": before, "after": after} if change == "changed" else {}
        place = None if what == "schema" else TableName("public", "orders")
        difference = Difference(change, what, "public", place, path, aspect, snapshot_before=FULL, snapshot_after=FULL, **sides)
        speaking = [rule.name for rule in RULES if rule.speaks_of(case_of(difference))]
        assert len(speaking) == 1, (path, before, after)
        assert judge(difference).rule == speaking[0]


def test_a_field_of_tomorrow_is_judged_as_risky_and_not_as_harmless():
    verdict = judge(found(TABLE, TABLE, object="column", path="columns.c.flavour", before=1, after=2))
    assert (verdict.rule, verdict.severity, verdict.breaks) == (UNKNOWN.name, "risky", ("readers", "writers"))


types = st.sampled_from(["integer", "bigint", "text", "varchar(5)", "numeric(5,2)", "date", "x y", "enum('a')", "int[]", "", "(((", "é"])
columns = st.builds(
    Column,
    st.just("c"),
    st.just(1),
    types,
    nullable=st.booleans(),
    default=st.none() | st.just("0"),
    identity=st.sampled_from([None, "always", "by default"]),
    generated=st.sampled_from([None, "stored"]),
    enum_values=st.lists(st.sampled_from("abc"), unique=True),
    domain=st.none() | st.builds(Domain, st.just("d"), checks=st.lists(st.sampled_from(["x", "y"]), unique=True), nullable=st.booleans()),
)


@given(columns, columns, st.sampled_from(sorted(Column.__struct_fields__)))
def test_of_any_two_columns_each_field_has_exactly_one_rule(before, after, name):
    difference = of_column(before, after, name)
    if difference.before != difference.after:
        assert len([rule for rule in RULES if rule.speaks_of(case_of(difference))]) == 1


@pytest.mark.parametrize("name", [HOSTILE, ".", "data_type", "x.data_type", "", "columns"])
def test_a_columns_name_never_changes_what_is_said_of_it(name):
    before, after = column(name, "bigint"), column(name, "integer")
    assert said(of_column(before, after, "data_type"))[0] == "type_narrowed"
    assert said(of_column(before, None))[0] == "column_removed"


def test_values_with_braces_stand_in_the_sentence_as_they_are():
    verdict = judge(of_column(column(default="'{0}'"), column(default="'{x}'"), "default"))
    assert verdict.reason == "new rows written without the column hold '{x}' instead of '{0}'"


def test_a_long_value_is_shown_in_short():
    assert len(judge(of_column(column(), column(default="x" * 5000), "default")).reason) < 200


def test_a_reference_that_only_changed_what_happens_on_update_is_no_other_reference():
    before, after = Reference("t", "public", ["id"], on_update="CASCADE"), Reference("t", "public", ["id"])
    difference = of_constraint(key("foreign_key", "c", references=before), key("foreign_key", "c", references=after), "references")
    assert said(difference)[0] == "foreign_key_refuses_more"


def test_who_says_that_it_writes_to_a_view_is_hit_by_what_breaks_writers():
    difference = of_column(column(), None, object_type="view")
    judged = Judged(difference, judge(difference))
    assert judged.verdict.breaks == ("readers",)
    assert Use("public", "orders", "c", "writers").is_hit_by(judged)
    assert not Use("public", "orders", "d", "writers").is_hit_by(judged)
