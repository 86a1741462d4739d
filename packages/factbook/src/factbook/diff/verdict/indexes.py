"""Rules about indexes. One that stands behind a key or a unique constraint is judged there; a unique one alone is such a constraint."""

from __future__ import annotations

from factbook.diff.model import ObjectType
from factbook.diff.verdict.case import Case
from factbook.diff.verdict.rule import READERS, WRITERS, Rule
from factbook_sdk.facts.kinds.schema_snapshot import Index, SchemaSnapshot

_INDEX: tuple[ObjectType, ...] = ("index",)
_ENFORCING = ("primary_key", "unique", "exclusion")
_MEANING = ("parts", "predicate", "nulls_not_distinct")


def _stands_behind(index: Index | None, snapshot: SchemaSnapshot | None) -> bool:
    """Return whether a constraint of the table says the same. Where names differ, equal columns tell (SQLite names its own)."""
    if index is None:
        return False
    if index.primary:
        return True
    columns = [part.column for part in index.parts]
    return snapshot is not None and any(
        constraint.type in _ENFORCING
        and (constraint.name == index.name or (index.unique and index.predicate is None and list(constraint.columns) == columns))
        for constraint in snapshot.constraints
    )


def _is_judged_elsewhere(case: Case) -> bool:
    before, after = case.difference.snapshot_before, case.difference.snapshot_after
    return _stands_behind(case.index_before, before) or _stands_behind(case.index_after, after)


def _is_unique(case: Case) -> bool:
    index = case.index_after or case.index_before
    return index is not None and index.unique


def _alone(case: Case) -> bool:
    return not _is_judged_elsewhere(case)


def _became_unique(case: Case) -> bool:
    return _alone(case) and case.difference.after is True


def _unique_no_more(case: Case) -> bool:
    return _alone(case) and case.difference.after is not True


RULES = (
    Rule(
        name="constraint_index",
        severity="cosmetic",
        objects=_INDEX,
        changes=("added", "removed", "changed"),
        when=_is_judged_elsewhere,
        sentence="the index stands behind a constraint, which has a verdict of its own",
    ),
    Rule(
        name="unique_index_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_INDEX,
        changes=("added",),
        when=lambda case: _alone(case) and _is_unique(case),
        sentence="a unique index came: rows that repeat its values are refused",
    ),
    Rule(
        name="index_added",
        severity="compatible",
        objects=_INDEX,
        changes=("added",),
        when=lambda case: _alone(case) and not _is_unique(case),
        sentence="an index came",
    ),
    Rule(
        name="unique_index_removed",
        severity="risky",
        breaks=("readers", "writers"),
        objects=_INDEX,
        changes=("removed",),
        when=lambda case: _alone(case) and _is_unique(case),
        sentence="the unique index is gone: values may repeat, and upserts that rely on it fail",
    ),
    Rule(
        name="index_removed",
        severity="risky",
        breaks=READERS,
        objects=_INDEX,
        changes=("removed",),
        when=lambda case: _alone(case) and not _is_unique(case),
        sentence="the index is gone: queries that used it may be slow",
    ),
    Rule(
        name="index_became_unique",
        severity="breaking",
        breaks=WRITERS,
        objects=_INDEX,
        attributes=("unique",),
        when=_became_unique,
        sentence="the index is unique now: rows that repeat its values are refused",
    ),
    Rule(
        name="index_unique_no_more",
        severity="risky",
        breaks=("readers", "writers"),
        objects=_INDEX,
        attributes=("unique",),
        when=_unique_no_more,
        sentence="the index is unique no more: values may repeat",
    ),
    Rule(
        name="unique_index_changed",
        severity="breaking",
        breaks=WRITERS,
        objects=_INDEX,
        attributes=_MEANING,
        when=lambda case: _alone(case) and _is_unique(case),
        sentence="other values must be unique than before: {after} instead of {before}",
    ),
    Rule(
        name="index_changed",
        severity="risky",
        breaks=READERS,
        objects=_INDEX,
        when=lambda case: (
            _alone(case) and case.attribute not in ("unique", "name") and not (case.attribute in _MEANING and _is_unique(case))
        ),
        sentence="the index serves other queries than before: some may be slow",
    ),
    Rule(
        name="index_renamed",
        severity="cosmetic",
        objects=_INDEX,
        attributes=("name",),
        when=_alone,
        sentence="the same index under another name",
    ),
)
