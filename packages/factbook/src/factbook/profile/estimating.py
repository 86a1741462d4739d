"""What a sample says of its table, and how far it may be off.

**Shares and means** are those of the sample, with a margin: half the width of a confidence interval of 95 %. Where rows came by blocks,
the margin is that of a ratio estimated from clusters (Cochran, *Sampling Techniques*, 3rd ed., 9A.1: the variance of how blocks differ
from the mean), because rows that lie together resemble each other; else that of rows chosen one by one.

**Distinct values** are estimated by the Guaranteed-Error Estimator (Charikar, Chaudhuri, Motwani, Narasayya: *Towards Estimation Error
Guarantees for Distinct Values*, PODS 2000): what was seen in one unit alone counts the square root of the units each unit stands for,
everything else counts once. No estimator can do much better than its worst case, so the bounds are stated with it: at least what was
seen, at most what was seen with every single standing for as many others as its unit does, singles counted at the upper end of their own
chance (Poisson, 97.5 %). The unit is a block where rows came by blocks, else a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from factbook.profile.feeding import Ask, Brought
from factbook.profile.model import ColumnPlan

Z = 1.96
"""Of the normal distribution, for 95 %."""


def margins(brought: Brought, plan: ColumnPlan, figures: Mapping[str, Any], ask: Ask) -> dict[str, float]:
    """Return the margins of the share of nulls and of the mean."""
    if brought.rows < 2 or brought.sample is None or brought.sample.share == 1:
        return {}
    has_mean = figures.get("mean") is not None
    if brought.blocks is not None:
        share = _of_blocks(ask, brought, "1", f"({plan.key} IS NULL)::INTEGER", figures["null_share"])
        if not has_mean:
            return {"null_share_margin": share}
        known = f"({plan.key} IS NOT NULL)::INTEGER"
        mean = _of_blocks(ask, brought, known, f"coalesce({plan.key}::DOUBLE, 0)", figures["mean"])
        return {"null_share_margin": share, "mean_margin": mean}
    found = {"null_share_margin": share_margin(figures["null_share"], brought.rows)}
    known_rows = brought.rows - figures["null_count"]
    if has_mean and figures.get("deviation") is not None and known_rows > 1:
        found["mean_margin"] = Z * figures["deviation"] / math.sqrt(known_rows)
    return found


def share_margin(share: float, rows: int) -> float:
    """Return the margin of a share among rows chosen one by one: the half of Wilson's interval that is farther from the share.

    It is no zero where nothing was seen: of 100 rows without a null, up to 3.7 % of the table may be null.
    """
    spread = Z * math.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2))
    middle = share + Z**2 / (2 * rows)
    scale = 1 + Z**2 / rows
    return max(share - (middle - spread) / scale, (middle + spread) / scale - share)


def _of_blocks(ask: Ask, brought: Brought, size: str, value: str, ratio: float) -> float:
    ((blocks, units, squares),) = ask(
        f"SELECT count(*), sum(m)::DOUBLE, sum((y - {ratio!r} * m) ** 2) FROM "
        f"(SELECT sum({size})::DOUBLE AS m, sum({value})::DOUBLE AS y FROM {brought.relation} GROUP BY block)"
    )
    floor = share_margin(ratio, brought.rows) if size == "1" else 0.0
    if blocks < 2 or not units:
        return floor
    left_out = max(0.0, 1 - blocks / brought.blocks) if brought.blocks else 1.0
    return max(floor, Z * math.sqrt(left_out * blocks / (blocks - 1) * squares) / float(units))


def distinct_of_table(
    distinct: int, singles: int, *, plan: ColumnPlan, brought: Brought, figures: Mapping[str, Any], rows_of_table: int | None
) -> dict[str, Any]:
    """Return the estimate of a table's distinct values with its bounds; without the number of rows only the lower bound is known.

    ``singles`` were seen in one unit alone.
    """
    if rows_of_table is None or not brought.rows:
        return {"distinct_low": distinct}
    stand_for = max(1.0, rows_of_table / brought.rows)
    known = 1 - figures["null_share"]
    possible = max(distinct, round(rows_of_table * known))
    most = max(distinct, math.ceil(rows_of_table * min(1.0, known + figures.get("null_share_margin", 0.0))))
    if plan.is_unique:
        return {"distinct_count": possible, "distinct_is_estimate": True, "distinct_method": "unique by its constraint", "is_unique": True}
    estimate = min(possible, round(distinct - singles + singles * math.sqrt(stand_for)))
    high = min(most, math.ceil(distinct - singles + _most(singles) * stand_for)) if stand_for > 1 else distinct
    return {
        "distinct_count": estimate,
        "distinct_is_estimate": True,
        "distinct_method": "GEE",
        "distinct_low": distinct,
        "distinct_high": high,
        "distinct_error": max(estimate / distinct - 1, 1 - estimate / high) if distinct else None,
    }


def _most(count: int) -> float:
    """Return the upper end of what a count of rare things stands for: 97.5 % of a Poisson distribution, a little more for few."""
    return count + Z * math.sqrt(count + 1) + 2
