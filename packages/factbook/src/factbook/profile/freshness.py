"""How new a table's data is, as far as its columns and the engine tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from factbook.profile.feeding import Extent
from factbook.profile.model import ColumnPlan
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Freshness

_TOLD_BY = re.compile(r"(updat|modif|chang|load|insert|ingest|creat|event|order|sale|log|time|date|_at$|_ts$)", re.I)
_CHANGES = re.compile(r"(updat|modif|chang|load|insert|ingest)", re.I)


def freshness_of(plans: Sequence[ColumnPlan], columns: Sequence[ColumnStatistics], extent: Extent, now: datetime) -> Freshness | None:
    """Return the newest moment of the column that tells best when rows came: one named after changes, else the newest; else the engine's
    word.

    Moments that have not come yet (due dates, the end of time) tell nothing.
    """
    found = []
    for plan, column in zip(plans, columns, strict=True):
        moment = _moment(column.maximum) if plan.family in ("timestamp", "date") and column.origin is None else None
        if moment is not None and moment <= now + timedelta(days=1):
            rank = (bool(_CHANGES.search(plan.name)), plan.family == "timestamp", bool(_TOLD_BY.search(plan.name)), moment)
            found.append((rank, Freshness("column", moment, plan.name)))
    if found:
        return max(found, key=lambda item: item[0])[1]
    return Freshness("engine", extent.changed_at) if extent.changed_at is not None else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:  # infinity, before Christ, after the year 9999
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
