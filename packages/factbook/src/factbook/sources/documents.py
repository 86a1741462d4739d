"""Fingerprints for engines whose catalogue is read into this process: a digest of the snapshot itself."""

from __future__ import annotations

from collections.abc import Mapping

from factbook.sources.contract import TableName, TableSnapshot, TableUnchanged
from factbook_sdk.facts.codec import canonical_json, digest
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot


def compared(
    formula: str,
    name: TableName,
    snapshot: SchemaSnapshot,
    known: Mapping[TableName, str],
    *,
    row_estimate: int | None = None,
    size_bytes: int | None = None,
) -> TableSnapshot | TableUnchanged:
    """Return the table as unchanged if its snapshot digests to the known fingerprint, else as read."""
    fingerprint = f"{formula}:{digest(canonical_json(snapshot.to_payload())).hex()}"
    if known.get(name) == fingerprint:
        return TableUnchanged(name, fingerprint, row_estimate, size_bytes)
    return TableSnapshot(name, snapshot, fingerprint, row_estimate, size_bytes)
