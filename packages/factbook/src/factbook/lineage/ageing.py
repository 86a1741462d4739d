"""What is looked at: a moment, and how old an edge may be by then.

The age of an edge is the time from when it was last seen to the moment asked for: no job makes it older. It was last seen when it was said,
or when a later run of its producer confirmed it. After some time it is stale, and after more no longer shown. What views, foreign keys and
people say has no age.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, select

from factbook.lineage.numbers import in_parts
from factbook.lineage.sighting import seen_of
from factbook.lineage.tables import AGEING, OPEN, producers
from factbook.repository.rows import microseconds


class Ages(msgspec.Struct, frozen=True):
    """After how many days unseen an edge is stale, and after how many it is gone."""

    stale_days: int = 30
    gone_days: int = 180


class Sight(msgspec.Struct, frozen=True):
    """A moment to look at, in microseconds (``None``: what holds now), and the moments before which what was last seen is stale or gone.
    Without ``gone_before`` what is gone is shown as well."""

    moment: int | None
    stale_before: int
    gone_before: int | None

    @classmethod
    def at(cls, as_of: datetime | None, ages: Ages, *, include_gone: bool = False) -> Sight:
        """Return how to look at a moment; now, unless one is given."""
        seen_from = as_of or datetime.now(UTC)
        return cls(
            None if as_of is None else microseconds(as_of, "as_of"),
            _days_before(seen_from, ages.stale_days),
            None if include_gone else _days_before(seen_from, ages.gone_days),
        )

    def holds(self, edge: str) -> str:
        """Return the condition that an edge, by its alias, holds at the moment. It names integers of ours alone."""
        if self.moment is None:
            return f"{edge}.valid_to = {OPEN}"
        return f"{edge}.valid_to > {self.moment} AND {edge}.valid_from <= {self.moment}"


def _days_before(moment: datetime, days: int) -> int:
    try:
        return microseconds(moment - timedelta(days=days))
    except OverflowError:
        return microseconds(datetime.min.replace(tzinfo=UTC))


class Sightings:
    """When producers were last seen, up to the moment looked at; each is asked for once."""

    def __init__(self, connection: Connection, sight: Sight) -> None:
        self._connection = connection
        self._sight = sight
        self._fresh_from = max(sight.stale_before, sight.gone_before or sight.stale_before)
        self._seen: dict[int, int] = {}

    def is_fresh(self, said_at: int, origin: int) -> bool:
        """Return whether an edge is neither stale nor gone whoever confirmed it: asked of every edge that is walked."""
        return said_at >= self._fresh_from or origin not in AGEING

    def learn(self, edges: Iterable[tuple[int, int, int]]) -> None:
        """Look up the producers of those edges, as (said at, producer, origin), of which their own beginning does not tell enough."""
        old = {producer_no for said_at, producer_no, origin in edges if not self.is_fresh(said_at, origin)}
        for part in in_parts(sorted(old - self._seen.keys())):
            chosen = (producers.c.producer_no, producers.c.tenant, producers.c.producer_id, producers.c.seen_at)
            rows = self._connection.execute(select(*chosen).where(producers.c.producer_no.in_(part))).all()
            if self._sight.moment is None:
                self._seen.update({row.producer_no: row.seen_at for row in rows})
                continue
            seen = seen_of(self._connection, [(row.tenant, row.producer_id) for row in rows], until=self._sight.moment)
            self._seen.update({row.producer_no: seen[row.tenant, row.producer_id] for row in rows})

    def last_seen(self, said_at: int, producer_no: int) -> int:
        """Return when an edge was last seen; its producer has been learnt where that matters."""
        return max(said_at, self._seen.get(producer_no, said_at))

    def is_stale(self, said_at: int, producer_no: int, origin: int) -> bool:
        return origin in AGEING and self.last_seen(said_at, producer_no) < self._sight.stale_before

    def is_gone(self, said_at: int, producer_no: int, origin: int) -> bool:
        gone_before = self._sight.gone_before
        return gone_before is not None and origin in AGEING and self.last_seen(said_at, producer_no) < gone_before
