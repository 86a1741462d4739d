"""Rules about the types of columns, the labels of enumerations, and character sets."""

from __future__ import annotations

from collections.abc import Callable

from factbook.diff.model import ObjectType
from factbook.diff.verdict.case import TYPE_ATTRIBUTES, Case
from factbook.diff.verdict.rule import BOTH, READERS, WRITERS, Rule
from factbook_sdk.checks.types import Relation

_COLUMN: tuple[ObjectType, ...] = ("column",)
_TYPE = ("data_type",)
_LABELS = ("enum_values",)
_CHARACTER_SETS = ("ascii", "latin1", "utf8mb3", "utf8mb4")
"""From those that hold few characters to those that hold all."""


def _relation(*wanted: Relation) -> Callable[[Case], bool]:
    """Hold where the types compare so. Labels of an enumeration that stays one have rules of their own."""

    def holds(case: Case) -> bool:
        return case.types in wanted and not _is_echo(case)

    return holds


def _is_enum_on_both_sides(case: Case) -> bool:
    before, after = case.column_before, case.column_after
    return bool(before is not None and after is not None and before.enum_values and after.enum_values)


def _is_echo(case: Case) -> bool:
    """Return whether a difference of the type itself, or of its labels, says the same already."""
    before, after = case.column_before, case.column_after
    if case.attribute in _TYPE:
        return _is_enum_on_both_sides(case) and before is not None and after is not None and before.enum_values != after.enum_values
    if case.attribute in TYPE_ATTRIBUTES:
        return before is not None and after is not None and before.data_type != after.data_type
    return False


def _labels(case: Case) -> tuple[list[str], list[str]]:
    return (case.column_before.enum_values if case.column_before else []), (case.column_after.enum_values if case.column_after else [])


def _label_removed(case: Case) -> bool:
    before, after = _labels(case)
    return _is_enum_on_both_sides(case) and not set(before) <= set(after)


def _label_added(case: Case) -> bool:
    before, after = _labels(case)
    return _is_enum_on_both_sides(case) and set(before) < set(after)


def _label_moved(case: Case) -> bool:
    before, after = _labels(case)
    return _is_enum_on_both_sides(case) and set(before) == set(after)


def character_set_shrank(case: Case) -> bool:
    ranks = [_rank(side) for side in (case.difference.before, case.difference.after)]
    return case.attribute == "character_set" and None not in ranks and ranks[1] < ranks[0]  # type: ignore[operator]


def _rank(character_set: object) -> int | None:
    name = "utf8mb3" if character_set == "utf8" else character_set
    return _CHARACTER_SETS.index(str(name)) if name in _CHARACTER_SETS else None


TYPES = (
    Rule(
        name="type_respelled",
        severity="cosmetic",
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES,
        when=_relation(Relation.SAME),
        sentence="{before} and {after} hold the same values",
    ),
    Rule(
        name="type_widened",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES,
        when=_relation(Relation.WIDENED),
        sentence="{after} holds values that did not fit {before}: readers with room for the old ones only may fail",
    ),
    Rule(
        name="type_narrowed",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES,
        when=_relation(Relation.NARROWED),
        sentence="{after} does not hold every value that {before} held: some writes are refused or cut",
    ),
    Rule(
        name="type_generalised",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES,
        when=_relation(Relation.GENERALISED),
        sentence="{after} keeps every value of {before}, but clients get them as another type",
    ),
    Rule(
        name="type_specialised",
        severity="breaking",
        breaks=BOTH,
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES,
        when=_relation(Relation.SPECIALISED),
        sentence="{after} holds only some values of {before}, and clients get them as another type",
    ),
    Rule(
        name="type_replaced",
        severity="breaking",
        breaks=BOTH,
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES,
        when=_relation(Relation.REPLACED),
        sentence="{before} became {after}, which holds other values",
    ),
    Rule(
        name="type_detail",
        severity="cosmetic",
        objects=_COLUMN,
        attributes=TYPE_ATTRIBUTES + _LABELS,
        when=lambda case: not _is_enum_on_both_sides(case) if case.attribute in _LABELS else _is_echo(case),
        sentence="a detail of the type; the change of the type or of its values has a verdict of its own",
    ),
    Rule(
        name="enum_value_removed",
        severity="breaking",
        breaks=BOTH,
        objects=_COLUMN,
        attributes=_LABELS,
        when=_label_removed,
        sentence="values are gone from {before}: writing them is refused, and so is asking for them in some engines",
    ),
    Rule(
        name="enum_value_added",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=_LABELS,
        when=_label_added,
        sentence="values came in {after}: readers may meet one that they do not know",
    ),
    Rule(
        name="enum_reordered",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=_LABELS,
        when=_label_moved,
        sentence="the values stand in another order, and so does whatever is sorted by them",
    ),
)

CHARACTER_SETS = (
    Rule(
        name="character_set_narrowed",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        aspects=("collation",),
        when=character_set_shrank,
        sentence="{after} has not every character of {before}: some texts are refused or cut",
    ),
)

RULES = (*TYPES, *CHARACTER_SETS)
