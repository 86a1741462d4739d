"""``table_observation``: what a scan saw of a table that is no structure. Target: source, schema, table.

It is a kind of its own so that a table whose rows grow does not look changed. The fingerprint stands for the structure as the
engine showed it; the next scan reads a table's structure only where the engine computes another one.
"""

from __future__ import annotations

import msgspec

from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="table_observation",
    category=Category.STATE,
    description="Row and size estimates of one table, and the fingerprint of its structure.",
    schemas=load_schemas(__package__, "table_observation"),
)


class TableObservation(msgspec.Struct, frozen=True, omit_defaults=True):
    """``fingerprint`` is opaque: the connector's name and formula version, a colon, a digest. Estimates are the engine's own,
    as fresh as its statistics; ``None`` means the engine does not say."""

    fingerprint: str
    row_estimate: int | None = None
    size_bytes: int | None = None
