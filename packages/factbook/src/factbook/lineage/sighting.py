"""Which producers were seen to say the same still, and when: what ``lineage_run`` facts confirm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select, update

from factbook.database.bulk import bulk_insert
from factbook.lineage.tables import NEVER, producers, sightings
from factbook.repository.rows import microseconds
from factbook_sdk.facts.kinds.lineage_run import confirmed_by
from factbook_sdk.repository.contract import StoredRecord

_NAMES = ("offset", "place", "tenant", "pattern", "is_prefix", "seen_at")

Producer = tuple[str, str]
"""Tenant and producer id."""


def fold_runs(connection: Connection, runs: Sequence[StoredRecord]) -> None:
    """Keep what runs confirm, and move forward when the producers they mean were last seen."""
    rows = [
        (item.offset, place, item.record.context.tenant, pattern, is_prefix, microseconds(item.record.produced_at))
        for item in runs
        for place, (pattern, is_prefix) in enumerate(confirmed_by(item.record.producer_id, (item.record.payload or {}).get("confirms", ())))
    ]
    bulk_insert(connection, sightings, _NAMES, rows)
    last: dict[tuple[str, str, bool], int] = {}
    for _, _, tenant, pattern, is_prefix, moment in rows:
        key = (tenant, pattern, is_prefix)
        last[key] = max(moment, last.get(key, NEVER))
    for (tenant, pattern, is_prefix), moment in last.items():
        name = producers.c.producer_id
        # Not LIKE, which takes letters of either case for the same on SQLite.
        meant = func.substr(name, 1, len(pattern)) == pattern if is_prefix else name == pattern
        earlier = update(producers).where(producers.c.tenant == tenant, meant, producers.c.seen_at < moment)
        connection.execute(earlier.values(seen_at=moment))


def seen_of(connection: Connection, wanted: Sequence[Producer], *, until: int | None = None) -> dict[Producer, int]:
    """Return when each producer was last confirmed, up to a moment, or :data:`NEVER`."""
    seen = dict.fromkeys(wanted, NEVER)
    for tenant in {tenant for tenant, _ in wanted}:
        mine = [producer_id for name, producer_id in wanted if name == tenant]
        for start in range(0, len(mine), 500):
            exact = dict(_last(connection, tenant, is_prefix=False, until=until, names=mine[start : start + 500]))
            seen.update({(tenant, producer_id): moment for producer_id, moment in exact.items()})
        for prefix, moment in _last(connection, tenant, is_prefix=True, until=until) if mine else ():
            for key in [(tenant, producer_id) for producer_id in mine if producer_id.startswith(prefix)]:
                seen[key] = max(seen[key], moment)
    return seen


def _last(
    connection: Connection, tenant: str, *, is_prefix: bool, until: int | None, names: Sequence[str] | None = None
) -> Iterable[tuple[str, int]]:
    conditions = [sightings.c.tenant == tenant, sightings.c.is_prefix.is_(is_prefix)]
    if names is not None:
        conditions.append(sightings.c.pattern.in_(names))
    if until is not None:
        conditions.append(sightings.c.seen_at <= until)
    rows = connection.execute(select(sightings.c.pattern, func.max(sightings.c.seen_at)).where(*conditions).group_by(sightings.c.pattern))
    return [(pattern, moment) for pattern, moment in rows]
