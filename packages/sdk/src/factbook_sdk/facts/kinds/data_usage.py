"""``data_usage``: what was read from a data product by one principal in one window of time. Target: the product.

It counts; it holds nothing of what was read, and no filter that somebody asked with.
"""

from __future__ import annotations

import msgspec

from factbook_sdk.facts.parts import Count, Moment, Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="data_usage",
    category=Category.EVENT,
    description="Requests to a data product and the rows they got, counted by window, principal, port and format.",
    schemas=load_schemas(__package__, "data_usage"),
    indexed=("payload.principal",),
)


class DataUsage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload: ``window_start <= moment < window_end``. ``format`` is ``json``, ``csv``, ``parquet`` …"""

    window_start: Moment
    window_end: Moment
    requests: Count
    rows: Count
    principal: Name
    format: Name
    port: Name | None = None
