"""Contracts as a list shows them. Pure."""

from __future__ import annotations

import msgspec

from factbook.contracts.model import ContractEntry, ContractFilter
from factbook_sdk.facts.kinds.data_contract import BINDING, DataContract
from factbook_sdk.repository.contract import StoredRecord

_MAX_LISTED_TABLES = 20


def entry_of(stored: StoredRecord) -> ContractEntry:
    """Return a contract as an entry, given the fact about the whole, which is no tombstone."""
    whole = msgspec.convert(stored.record.payload, DataContract)
    tables = [item.table for item in whole.objects if item.table is not None]
    name = whole.document.get("name") or whole.document.get("dataProduct")
    return ContractEntry(
        id=whole.contract_id,
        version=whole.version,
        status=whole.status,
        changed_at=stored.record.produced_at,
        name=name if isinstance(name, str) else None,
        owner=whole.owner,
        tables=tables[:_MAX_LISTED_TABLES],
        unbound=len(whole.objects) - len(tables),
    )


def is_wanted(entry: ContractEntry, wanted: ContractFilter) -> bool:
    """Return whether a filter lets an entry through; that it is ended or not is decided before."""
    if wanted.state == "in_force" and entry.status not in BINDING:
        return False
    if wanted.state not in (None, "in_force", "ended") and entry.status != wanted.state:
        return False
    tables = [f"{table.source_id}.{table.schema}.{table.table}" for table in entry.tables]
    words = "\n".join((entry.id, entry.name or "", entry.owner or "", *tables)).casefold()
    return all(term in words for term in (wanted.text or "").casefold().split())
