"""Rules about columns: that they come and go, and what fills them."""

from __future__ import annotations

from collections.abc import Callable

from factbook.diff.model import ObjectType
from factbook.diff.verdict.case import Case
from factbook.diff.verdict.rule import BOTH, READERS, WRITERS, Rule
from factbook_sdk.facts.kinds.schema_snapshot import Column

_COLUMN: tuple[ObjectType, ...] = ("column",)


def _fills_itself(column: Column | None) -> bool:
    """Return whether who leaves the column out gets a value all the same."""
    return column is not None and bool(
        column.default is not None
        or column.identity
        or column.generated
        or (column.domain is not None and column.domain.default is not None)
    )


def _is_required(column: Column | None) -> bool:
    """Return whether null is refused, by the column or by its domain."""
    return column is not None and not (column.nullable and (column.domain is None or column.domain.nullable))


def _must_be_given(case: Case) -> bool:
    return not case.is_of_view and _is_required(case.column_after) and not _fills_itself(case.column_after)


def _default(*, before: bool, after: bool) -> Callable[[Case], bool]:
    def holds(case: Case) -> bool:
        return (case.difference.before is not None, case.difference.after is not None) == (before, after)

    return holds


_default_removed = _default(before=True, after=False)


def _identity_lost(case: Case) -> bool:
    return case.difference.before is not None and case.difference.after is None


def _generated_came(case: Case) -> bool:
    return case.difference.before is None


ARRIVALS = (
    Rule(
        name="column_added",
        severity="compatible",
        objects=_COLUMN,
        changes=("added",),
        when=lambda case: not _must_be_given(case),
        sentence="a column came that writers may leave out",
    ),
    Rule(
        name="required_column_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        changes=("added",),
        when=_must_be_given,
        sentence="a column came that is not null and has no default: rows written without it are refused",
    ),
    Rule(
        name="column_removed",
        severity="breaking",
        breaks=BOTH,
        objects=_COLUMN,
        changes=("removed",),
        sentence="the column is gone: whatever names it fails",
    ),
    Rule(
        name="column_renamed",
        severity="breaking",
        breaks=BOTH,
        objects=_COLUMN,
        attributes=("name",),
        sentence="the column is called {after} instead of {before}: whatever names it fails",
    ),
)

VALUES = (
    Rule(
        name="nullability_tightened",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=("nullable",),
        when=lambda case: case.difference.after is False,
        sentence="null is refused now",
    ),
    Rule(
        name="nullability_relaxed",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("nullable",),
        when=lambda case: case.difference.after is not False,
        sentence="readers may meet null now",
    ),
    Rule(
        name="default_added",
        severity="compatible",
        objects=_COLUMN,
        attributes=("default",),
        when=_default(before=False, after=True),
        sentence="who leaves the column out gets {after}",
    ),
    Rule(
        name="default_removed",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=("default",),
        when=lambda case: _default_removed(case) and _must_be_given(case),
        sentence="the default {before} is gone and null is refused: rows written without the column are refused",
    ),
    Rule(
        name="default_removed_for_null",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("default",),
        when=lambda case: _default_removed(case) and not _must_be_given(case) and not _fills_itself(case.column_after),
        sentence="the default {before} is gone: rows written without the column hold null",
    ),
    Rule(
        name="default_replaced_by_identity",
        severity="compatible",
        objects=_COLUMN,
        attributes=("default",),
        when=lambda case: _default_removed(case) and _fills_itself(case.column_after),
        sentence="the default {before} is gone; the engine fills the column in another way",
    ),
    Rule(
        name="default_changed",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("default",),
        when=lambda case: case.difference.after is not None and case.difference.before is not None,
        sentence="new rows written without the column hold {after} instead of {before}",
    ),
    Rule(
        name="identity_added",
        severity="compatible",
        objects=_COLUMN,
        attributes=("identity",),
        when=lambda case: case.difference.after is not None and case.difference.after != "always",
        sentence="the engine numbers rows written without the column",
    ),
    Rule(
        name="identity_always",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=("identity",),
        when=lambda case: case.difference.after == "always",
        sentence="the engine alone gives the value now: who writes one is refused",
    ),
    Rule(
        name="identity_removed",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=("identity",),
        when=lambda case: _identity_lost(case) and _must_be_given(case),
        sentence="the engine numbers rows no more: rows written without the column are refused",
    ),
    Rule(
        name="identity_replaced",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("identity",),
        when=lambda case: case.difference.after is None and not (_identity_lost(case) and _must_be_given(case)),
        sentence="the engine numbers rows no more: rows written without the column get a default or null",
    ),
    Rule(
        name="generated_added",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=("generated",),
        when=_generated_came,
        sentence="the column is computed now: who writes it is refused",
    ),
    Rule(
        name="generated_removed",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("generated",),
        when=lambda case: not _generated_came(case) and case.difference.after is None,
        sentence="the column is computed no more: its values are whatever is written",
    ),
    Rule(
        name="generated_storage_changed",
        severity="compatible",
        objects=_COLUMN,
        attributes=("generated",),
        when=lambda case: not _generated_came(case) and case.difference.after is not None,
        sentence="computed as before, {after} instead of {before}",
    ),
    Rule(
        name="generation_changed",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("generation_expression",),
        when=lambda case: case.difference.before is not None and case.difference.after is not None,
        sentence="the column is computed in another way: its values may differ",
    ),
    Rule(
        name="generation_detail",
        severity="cosmetic",
        objects=_COLUMN,
        attributes=("generation_expression",),
        when=lambda case: case.difference.before is None or case.difference.after is None,
        sentence="a detail; that the column is computed, or no more, has a verdict of its own",
    ),
    Rule(
        name="on_update_changed",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("on_update",),
        sentence="an update leaves another value in the column: {after} instead of {before}",
    ),
    Rule(
        name="column_hidden",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=("invisible",),
        when=lambda case: case.difference.after is True,
        sentence="SELECT * shows the column no more",
    ),
    Rule(
        name="column_shown",
        severity="compatible",
        objects=_COLUMN,
        attributes=("invisible",),
        when=lambda case: case.difference.after is not True,
        sentence="SELECT * shows the column",
    ),
)

RULES = (*ARRIVALS, *VALUES)
