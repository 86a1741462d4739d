"""``anomaly``: a measured number that lies outside what its own history allows. Target: the table, or the source, that was measured.

``produced_at`` is that of the measurement, so that finding the same anomaly again stores nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Count, Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="anomaly",
    category=Category.EVENT,
    description="A measured number outside the band that its own earlier history allows.",
    schemas=load_schemas(__package__, "anomaly"),
    indexed=(
        "payload.column",
        "payload.direction",
        "payload.metric",
    ),
)


class Anomaly(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``low <= value <= high`` would have been ordinary; ``points`` earlier measurements made the band.

    ``score`` is how many of the band's half-widths the value lies from its centre. ``measured_by`` is the kind of the fact that holds
    the number.
    """

    metric: Name
    observed: float
    low: float
    high: float
    direction: Literal["above", "below"]
    method: Name
    points: Count
    measured_by: Name
    column: Name | None = None
    seasonality: Literal["weekday"] | None = None
    drift: float | None = None
    score: float | None = None
    origin: Name | None = None
