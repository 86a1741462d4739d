"""``ingestion_volume``: how much one load brought. Target: the table that was loaded, where it lands.

A baseline needs to know what was counted: the window and the filter of the load stand beside its counts. Loads in slices give one
record per run, the sum, and its slices where somebody wants them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Count, Name, TableRef, Watermark, Window
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="ingestion_volume",
    category=Category.EVENT,
    description="Rows and bytes that one load brought into a table, with its window, filter and watermark.",
    schemas=load_schemas(__package__, "ingestion_volume"),
    indexed=(
        "context.run_id",
        "extras.window_end",
        "extras.window_start",
        "payload.row_count",
        "payload.window.end",
        "payload.window.start",
    ),
)


class Slice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a load, named by the values that cut it out (``{"year_month": "2026-01", "day": "31"}``)."""

    keys: dict[str, str]
    row_count: Count
    byte_count: Count | None = None


class IngestionVolume(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``row_count`` is what arrived; ``read_count`` what the source gave; what lies between was rejected or a repeat."""

    row_count: Count
    byte_count: Count | None = None
    file_count: Count | None = None
    read_count: Count | None = None
    rejected_count: Count | None = None
    duplicate_count: Count | None = None
    mode: Literal["full", "incremental", "append", "merge", "cdc", "backfill"] | None = None
    window: Window | None = None
    filter: str | None = None
    watermark: Watermark | None = None
    source: TableRef | None = None
    location: Name | None = None
    """Where it was written, as a URL without secrets."""
    slices: list[Slice] = []
