"""Rules about constraints."""

from __future__ import annotations

from collections.abc import Callable

from factbook.diff.model import ObjectType
from factbook.diff.verdict.case import Case
from factbook.diff.verdict.rule import BOTH, READERS, WRITERS, ChangeType, Rule
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, Reference

_CONSTRAINT: tuple[ObjectType, ...] = ("constraint",)
_TIMING = ("deferrable", "initially_deferred")
_ACTIONS = ("references.on_delete", "references.on_update")
_LENIENT_ACTIONS = ("cascade", "set null", "set default")
_ALL: tuple[ChangeType, ...] = ("added", "removed", "changed")


def _of(case: Case) -> Constraint:
    """Return the constraint as it is, or as it was where it is gone."""
    return case.constraint_after or case.constraint_before or Constraint("check")


def _is(kind: str) -> Callable[[Case], bool]:
    return lambda case: _of(case).type == kind


def _means(case: Case) -> bool:
    """Return whether the change is one of what the constraint demands; its name, timing and validity have rules of their own."""
    return case.attribute not in ("name", *_TIMING, "validated", "enforced")


def _changed(kind: str, when: Callable[[Case], bool] = lambda case: True) -> Callable[[Case], bool]:
    return lambda case: _of(case).type == kind and _means(case) and when(case)


def _unique_freed(case: Case) -> bool:
    """Return whether fewer pairs of rows are refused: more columns must be equal, or nulls count as different again."""
    if case.attribute == "nulls_not_distinct":
        return case.difference.after is not True
    before, after = case.constraint_before, case.constraint_after
    return before is not None and after is not None and set(before.columns) < set(after.columns)


def _tightened(case: Case) -> bool:
    return case.difference.after is True


def _is_kept(case: Case) -> bool:
    return _of(case).type != "not_null"


def _references(case: Case) -> tuple[Reference | None, Reference | None]:
    before, after = case.constraint_before, case.constraint_after
    return (before.references if before else None), (after.references if after else None)


def _actions(case: Case) -> list[tuple[str, str]]:
    """Return the pairs of actions on deleting and updating that differ, in small letters."""
    before, after = (
        [((reference and getattr(reference, field)) or "no action").lower() for field in ("on_delete", "on_update")]
        for reference in _references(case)
    )
    return [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]


def _points_elsewhere(case: Case) -> bool:
    before, after = _references(case)
    if case.attribute in (*_ACTIONS, "references.match"):
        return False
    if case.attribute != "references" or before is None or after is None:
        return True
    return (before.schema, before.table, before.columns) != (after.schema, after.table, after.columns)


def _refuses_more(case: Case) -> bool:
    pairs = _actions(case)
    return not _points_elsewhere(case) and any(before in _LENIENT_ACTIONS and after not in _LENIENT_ACTIONS for before, after in pairs)


def _acts_otherwise(case: Case) -> bool:
    return not _points_elsewhere(case) and not _refuses_more(case)


KEYS = (
    Rule(
        name="primary_key_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        changes=("added",),
        when=_is("primary_key"),
        sentence="there is a primary key: rows that repeat it are refused",
    ),
    Rule(
        name="primary_key_removed",
        severity="breaking",
        breaks=BOTH,
        objects=_CONSTRAINT,
        changes=("removed",),
        when=_is("primary_key"),
        sentence="the primary key is gone: rows may repeat, and upserts that rely on it fail",
    ),
    Rule(
        name="primary_key_changed",
        severity="breaking",
        breaks=BOTH,
        objects=_CONSTRAINT,
        when=_changed("primary_key"),
        sentence="the primary key is {after} instead of {before}: what identified a row does so no more",
    ),
    Rule(
        name="unique_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        changes=("added",),
        when=_is("unique"),
        sentence="values must be unique: rows that repeat them are refused",
    ),
    Rule(
        name="unique_removed",
        severity="risky",
        breaks=BOTH,
        objects=_CONSTRAINT,
        changes=("removed",),
        when=_is("unique"),
        sentence="values may repeat: joins may multiply rows, and upserts that rely on the constraint fail",
    ),
    Rule(
        name="unique_relaxed",
        severity="risky",
        breaks=BOTH,
        objects=_CONSTRAINT,
        when=_changed("unique", _unique_freed),
        sentence="fewer rows count as equal: what was unique may repeat",
    ),
    Rule(
        name="unique_tightened",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        when=_changed("unique", lambda case: not _unique_freed(case)),
        sentence="other values must be unique than before: rows that repeat them are refused",
    ),
)

FOREIGN_KEYS = (
    Rule(
        name="foreign_key_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        changes=("added",),
        when=_is("foreign_key"),
        sentence="rows must refer to rows that are there: others are refused",
    ),
    Rule(
        name="foreign_key_removed",
        severity="risky",
        breaks=READERS,
        objects=_CONSTRAINT,
        changes=("removed",),
        when=_is("foreign_key"),
        sentence="rows may refer to nothing: joins may lose them",
    ),
    Rule(
        name="foreign_key_redirected",
        severity="breaking",
        breaks=BOTH,
        objects=_CONSTRAINT,
        when=_changed("foreign_key", _points_elsewhere),
        sentence="rows refer to others than before: {after} instead of {before}",
    ),
    Rule(
        name="foreign_key_refuses_more",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        when=_changed("foreign_key", _refuses_more),
        sentence="deleting or changing rows that are referred to is refused, which it was not",
    ),
    Rule(
        name="foreign_key_action_changed",
        severity="risky",
        breaks=BOTH,
        objects=_CONSTRAINT,
        when=_changed("foreign_key", _acts_otherwise),
        sentence="deleting or changing rows that are referred to does something else: {after} instead of {before}",
    ),
)

CONDITIONS = (
    Rule(
        name="check_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        changes=("added",),
        when=_is("check"),
        sentence="rows must meet a condition: others are refused",
    ),
    Rule(
        name="check_removed",
        severity="risky",
        breaks=READERS,
        objects=_CONSTRAINT,
        changes=("removed",),
        when=_is("check"),
        sentence="rows need not meet the condition: readers may meet values that it kept out",
    ),
    Rule(
        name="check_changed",
        severity="breaking",
        breaks=BOTH,
        objects=_CONSTRAINT,
        when=_changed("check"),
        sentence="rows must meet another condition, which may refuse what was taken and take what was refused: {after} instead of {before}",
    ),
    Rule(
        name="exclusion_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        changes=("added",),
        when=_is("exclusion"),
        sentence="rows must not overlap: others are refused",
    ),
    Rule(
        name="exclusion_removed",
        severity="risky",
        breaks=READERS,
        objects=_CONSTRAINT,
        changes=("removed",),
        when=_is("exclusion"),
        sentence="rows may overlap",
    ),
    Rule(
        name="exclusion_changed",
        severity="breaking",
        breaks=BOTH,
        objects=_CONSTRAINT,
        when=_changed("exclusion"),
        sentence="rows must not overlap in another way: {after} instead of {before}",
    ),
    Rule(
        name="not_null_constraint",
        severity="cosmetic",
        objects=_CONSTRAINT,
        changes=_ALL,
        when=_is("not_null"),
        sentence="whether null is taken is the column's to say, and has a verdict there",
    ),
)

VALIDITY = (
    Rule(
        name="constraint_renamed",
        severity="compatible",
        objects=_CONSTRAINT,
        attributes=("name",),
        when=_is_kept,
        sentence="it demands the same under another name: {after} instead of {before}",
    ),
    Rule(
        name="constraint_timing_changed",
        severity="risky",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        attributes=_TIMING,
        when=_is_kept,
        sentence="it is checked at another moment of a transaction",
    ),
    Rule(
        name="constraint_enforced",
        severity="breaking",
        breaks=WRITERS,
        objects=_CONSTRAINT,
        attributes=("enforced",),
        when=lambda case: _is_kept(case) and _tightened(case),
        sentence="it is enforced now: rows that do not obey it are refused",
    ),
    Rule(
        name="constraint_unenforced",
        severity="risky",
        breaks=READERS,
        objects=_CONSTRAINT,
        attributes=("enforced",),
        when=lambda case: _is_kept(case) and not _tightened(case),
        sentence="it is enforced no more: readers may meet rows that do not obey it",
    ),
    Rule(
        name="constraint_validated",
        severity="compatible",
        objects=_CONSTRAINT,
        attributes=("validated",),
        when=lambda case: _is_kept(case) and _tightened(case),
        sentence="old rows were checked as well",
    ),
    Rule(
        name="constraint_unvalidated",
        severity="risky",
        breaks=READERS,
        objects=_CONSTRAINT,
        attributes=("validated",),
        when=lambda case: _is_kept(case) and not _tightened(case),
        sentence="old rows may not obey it",
    ),
)

RULES = (*KEYS, *FOREIGN_KEYS, *CONDITIONS, *VALIDITY)
