"""Numbers that came as text, because nobody knew beforehand whether a decimal of the workshop holds them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from factbook.profile.model import ColumnPlan
from factbook.profile.workshop import Workshop


def fitted_number(plan: ColumnPlan, relation: str, workshop: Workshop) -> ColumnPlan:
    """Give a column of numbers as text the decimal that holds all of them, else double precision, and say so."""
    key = plan.key
    ((whole, fraction, odd),) = workshop.ask(
        f"SELECT coalesce(max(length(ltrim(split_part({key}, '.', 1), '-'))), 1), "
        f"coalesce(max(length(rtrim(split_part({key}, '.', 2), '0'))), 0), coalesce(bool_or({key} ~ '.*[NI].*'), false) FROM {relation}"
    )
    fits = not odd and whole + fraction <= 38
    workshop.ask(f"ALTER TABLE {relation} ALTER {key} TYPE {f'DECIMAL({max(1, whole + fraction)}, {fraction})' if fits else 'DOUBLE'}")
    return (
        plan
        if fits
        else msgspec.structs.replace(plan, family="float", reason="measured as double precision: no decimal of 38 digits holds all")
    )


def extremes_of(plans: Sequence[ColumnPlan], relation: str, workshop: Workshop) -> dict[str, tuple[str, str]]:
    """Return the least and the largest of decimals that all have the same scale, as they are written, by key; none where all are null.

    Of two of them without a sign the longer one is larger, and of two that are as long the one whose text comes later.
    """
    found: dict[str, tuple[str, str]] = {}
    for key in (plan.key for plan in plans):
        positive, negative = f"{key} NOT LIKE '-%'", f"{key} LIKE '-%'"
        order = f"(length({key}), {key})"
        ((smallest, largest, nearest, farthest),) = workshop.ask(
            f"SELECT arg_min({key}, {order}) FILTER ({positive}), arg_max({key}, {order}) FILTER ({positive}), "
            f"arg_min({key}, {order}) FILTER ({negative}), arg_max({key}, {order}) FILTER ({negative}) FROM {relation}"
        )
        least, most = farthest if farthest is not None else smallest, largest if largest is not None else nearest
        if least is not None and most is not None:
            found[key] = (least, most)
    return found
