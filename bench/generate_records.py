"""Records to fill a store with, the same for every run: what a profile of one column of a table says, about 600 bytes as a body.

A *run* says one fact about each of ``TABLES`` tables at one moment, as a nightly job over a warehouse does. The two kinds hold the same
payload and differ in their category alone, so what a state costs can be read off.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from factbook_sdk.facts import Category, Kind, KindRegistry, MetadataContext, MetadataRecord, MetadataTarget

TABLES = 100_000
EVENT, STATE = "bench_event", "bench_state"
START = datetime(2026, 1, 1, tzinfo=UTC)

_SCHEMA = {
    "type": "object",
    "properties": {
        "column": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
        "rows": {"type": "integer", "minimum": 0},
        "nulls": {"type": "integer", "minimum": 0},
        "distinct": {"type": "integer", "minimum": 0},
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
        "mean": {"type": "number"},
        "quantiles": {"type": "array", "items": {"type": "number"}},
        "frequent": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"value": {"type": "string"}, "count": {"type": "integer", "minimum": 0}},
                "required": ["value", "count"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["column", "type", "rows"],
    "additionalProperties": False,
}


def kinds() -> KindRegistry:
    """Return a registry of the two kinds."""
    return KindRegistry(
        [
            Kind(EVENT, Category.EVENT, "A column was profiled.", {1: _SCHEMA}),
            Kind(STATE, Category.STATE, "What a column's last profile said.", {1: _SCHEMA}),
        ]
    )


def target(table: int) -> MetadataTarget:
    return MetadataTarget("warehouse", f"area_{table // 500:03d}", f"item_{table:06d}")


def moment(run: int) -> datetime:
    return START + timedelta(hours=run)


def records(kind: str, run: int, count: int, *, content: int | None = None) -> list[MetadataRecord]:
    """Return the first ``count`` records of a run; runs of different ``content`` (their own number unless given) differ in all payloads."""
    produced_at, context = moment(run), MetadataContext(run_id=f"profile-{run:05d}")
    rows = 1_000 * (run if content is None else content)
    return [
        MetadataRecord(about, kind, payload | {"rows": rows + payload["rows"]}, produced_at, "profile.v1", context)
        for about, payload in _tables()[:count]
    ]


@cache
def _tables() -> list[tuple[MetadataTarget, dict[str, Any]]]:
    chance = random.Random(20260101)
    return [(target(table), _payload(chance)) for table in range(TABLES)]


def _payload(chance: random.Random) -> dict[str, Any]:
    rows = chance.randrange(1_000)
    return {
        "column": "amount",
        "type": "numeric(12,2)",
        "rows": rows,
        "nulls": rows // 7,
        "distinct": rows // 3,
        "minimum": chance.random(),
        "maximum": 10_000 * chance.random(),
        "mean": 100 * chance.random(),
        "quantiles": sorted(round(100 * chance.random(), 3) for _ in range(9)),
        "frequent": [{"value": f"value {chance.randrange(1_000)}", "count": chance.randrange(10_000)} for _ in range(5)],
    }
