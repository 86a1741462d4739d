"""Rules about schemas, tables, views and partitions."""

from __future__ import annotations

from factbook.diff.model import ObjectType
from factbook.diff.verdict.case import VIEWS, Case
from factbook.diff.verdict.rule import BOTH, READERS, WRITERS, Rule

_TABLE: tuple[ObjectType, ...] = ("table",)
_PARTITIONED = {"table", "partitioned_table"}
_TABLE_FIELDS = ("object_type", "partitioning", "partition_of", "inherits")


def _types(case: Case) -> tuple[object, object]:
    return case.difference.before, case.difference.after


def _became_partitioned(case: Case) -> bool:
    return set(_types(case)) == _PARTITIONED


def _lost_writing(case: Case) -> bool:
    before, after = _types(case)
    return after in VIEWS and before not in VIEWS


def _otherwise(case: Case) -> bool:
    return not _became_partitioned(case) and not _lost_writing(case)


def _is_first_step(case: Case, *fields: str) -> bool:
    return case.attribute.split(".")[0] in fields


SCHEMAS = (
    Rule(name="schema_added", severity="compatible", objects=("schema",), changes=("added",), sentence="a schema came"),
    Rule(
        name="schema_removed",
        severity="breaking",
        breaks=BOTH,
        objects=("schema",),
        changes=("removed",),
        sentence="the schema is gone with all that was in it",
    ),
    Rule(
        name="schema_changed",
        severity="risky",
        breaks=BOTH,
        objects=("schema",),
        sentence="the schema is not what it was: {after} instead of {before}",
    ),
)

TABLES = (
    Rule(
        name="table_added",
        severity="compatible",
        objects=_TABLE,
        changes=("added",),
        when=lambda case: not case.is_of_view,
        sentence="a table came",
    ),
    Rule(
        name="view_added",
        severity="compatible",
        objects=_TABLE,
        changes=("added",),
        when=lambda case: case.is_of_view,
        sentence="a view came",
    ),
    Rule(
        name="table_removed",
        severity="breaking",
        breaks=BOTH,
        objects=_TABLE,
        changes=("removed",),
        when=lambda case: not case.is_of_view,
        sentence="the table is gone",
    ),
    Rule(
        name="view_removed",
        severity="breaking",
        breaks=BOTH,
        objects=_TABLE,
        changes=("removed",),
        when=lambda case: case.is_of_view,
        sentence="the view is gone",
    ),
    Rule(
        name="view_redefined",
        severity="risky",
        breaks=READERS,
        objects=_TABLE,
        changes=("added", "removed", "changed"),
        aspects=("definition",),
        sentence="the query of the view is another one: its rows may differ; changes of its columns have verdicts of their own",
    ),
    Rule(
        name="table_became_partitioned",
        severity="compatible",
        objects=_TABLE,
        attributes=("object_type",),
        when=_became_partitioned,
        sentence="{after} instead of {before}: read and written as before",
    ),
    Rule(
        name="table_became_view",
        severity="breaking",
        breaks=WRITERS,
        objects=_TABLE,
        attributes=("object_type",),
        when=_lost_writing,
        sentence="a {after} took the place of a {before}: writes are refused, or go elsewhere",
    ),
    Rule(
        name="object_type_changed",
        severity="risky",
        breaks=BOTH,
        objects=_TABLE,
        attributes=("object_type",),
        when=_otherwise,
        sentence="a {after} took the place of a {before}: rows may be kept, shown and refreshed in another way",
    ),
    Rule(
        name="partitioning_changed",
        severity="risky",
        breaks=WRITERS,
        objects=_TABLE,
        when=lambda case: _is_first_step(case, "partitioning"),
        sentence="rows are divided in another way: a row that fits no partition is refused",
    ),
    Rule(
        name="partition_attachment_changed",
        severity="risky",
        breaks=BOTH,
        objects=("table", "partition"),
        when=lambda case: _is_first_step(case, "partition_of"),
        sentence="the table holds another part of its parent, or none: the parent's rows and what may be written here differ",
    ),
    Rule(
        name="inheritance_changed",
        severity="risky",
        breaks=READERS,
        objects=_TABLE,
        when=lambda case: _is_first_step(case, "inherits"),
        sentence="the table inherits from others than before: their readers see other rows",
    ),
    Rule(
        name="table_option_changed",
        severity="risky",
        breaks=BOTH,
        objects=_TABLE,
        when=lambda case: not _is_first_step(case, *_TABLE_FIELDS),
        sentence="an option of the table is {after} instead of {before}",
    ),
)

PARTITIONS = (
    Rule(
        name="partition_added",
        severity="compatible",
        objects=("partition",),
        changes=("added",),
        sentence="a partition came: rows of it are taken",
    ),
    Rule(
        name="partition_removed",
        severity="breaking",
        breaks=BOTH,
        objects=("partition",),
        changes=("removed",),
        sentence="the partition is gone with its rows, and rows of it are refused",
    ),
    Rule(
        name="partition_changed",
        severity="risky",
        breaks=WRITERS,
        objects=("partition",),
        when=lambda case: not _is_first_step(case, "partition_of"),
        sentence="the partition takes other rows: {after} instead of {before}",
    ),
)

RULES = (*SCHEMAS, *TABLES, *PARTITIONS)
