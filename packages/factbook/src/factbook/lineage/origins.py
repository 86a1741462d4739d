"""Who said an edge, and how: looked up for the few edges that an answer shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from factbook.lineage.model import LineageOrigin, LineageType
from factbook.lineage.numbers import in_parts
from factbook.lineage.tables import ORIGINS, TYPES, facts, inputs, producers

Place = tuple[int, int]
"""A fact, and the place of the input in it."""


class Saying(msgspec.Struct, frozen=True):
    """One input of one fact, as it was said."""

    lineage_type: LineageType
    origin: LineageOrigin
    producer_id: str
    job: str | None
    transformation: str | None


def sayings(connection: Connection, wanted: Iterable[Place]) -> dict[Place, Saying]:
    """Return who said inputs of facts."""
    found: dict[Place, Saying] = {}
    chosen: tuple[Any, ...] = (inputs.c.fact, inputs.c.place, inputs.c.type, inputs.c.transformation, facts.c.origin, facts.c.job)
    statement = (
        select(*chosen, producers.c.producer_id)
        .join(facts, facts.c.fact == inputs.c.fact)
        .join(producers, producers.c.producer_no == facts.c.producer_no)
    )
    places: defaultdict[int, set[int]] = defaultdict(set)
    for fact, place in wanted:
        places[place].add(fact)
    for part in in_parts(sorted(places)):
        of_these = in_parts(sorted(set().union(*(places[place] for place in part))))
        # Not by pairs, which SQLite looks up in no index; and not by the fact alone, which may have ten thousands of inputs.
        for row in (row for of in of_these for row in connection.execute(statement.where(inputs.c.fact.in_(of), inputs.c.place.in_(part)))):
            said: Any = (TYPES[row.type], ORIGINS[row.origin], row.producer_id, row.job, row.transformation)
            found[row.fact, row.place] = Saying(*said)
    return found
