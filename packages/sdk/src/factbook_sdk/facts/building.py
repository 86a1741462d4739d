"""From a typed payload to its record: ``record_of(IngestionVolume(row_count=3), target, producer_id="ingestion.v1")``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts.record import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.registry import Kind


def kind_of(payload: msgspec.Struct | type[msgspec.Struct]) -> Kind:
    """Return the kind a payload's type belongs to: the ``KIND`` of the module that defines it."""
    shape = payload if isinstance(payload, type) else type(payload)
    kind = getattr(sys.modules[shape.__module__], "KIND", None)
    if not isinstance(kind, Kind):
        raise InvalidRecord(
            f"{shape.__name__} is the payload of no kind",
            why=f"its module {shape.__module__} declares no KIND",
            fix="Use the struct named like the kind in factbook_sdk.facts.kinds",
            field="kind",
        )
    return kind


def record_of(
    payload: msgspec.Struct,
    target: MetadataTarget,
    *,
    producer_id: str,
    produced_at: datetime | None = None,
    context: MetadataContext = MetadataContext(),  # noqa: B008 - frozen
    quality: dict[str, Any] | None = None,
    extras: dict[str, Any] | None = None,
) -> MetadataRecord:
    """Return the record of a typed payload, true as of ``produced_at`` (now, unless it is given).

    Raises :class:`InvalidRecord` for a naive moment or an over-long name; the payload itself is checked where it is stored.
    """
    return MetadataRecord(
        target,
        kind_of(payload).name,
        msgspec.to_builtins(payload),
        produced_at or datetime.now(UTC),
        producer_id,
        context,
        kind_of(payload).latest_version,
        quality or {},
        extras or {},
    )


def closing(
    shape: type[msgspec.Struct],
    target: MetadataTarget,
    *,
    producer_id: str,
    produced_at: datetime | None = None,
    context: MetadataContext = MetadataContext(),  # noqa: B008 - frozen
) -> MetadataRecord:
    """Return the tombstone that ends a state of this type, as of ``produced_at`` (now, unless it is given)."""
    kind = kind_of(shape)
    return MetadataRecord(target, kind.name, None, produced_at or datetime.now(UTC), producer_id, context, kind.latest_version)
