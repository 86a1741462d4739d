"""Which contracts promise something of one table, and whether they keep it as far as they were checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from factbook.contracts.facts import target_of
from factbook.contracts.model import CHECKER, TablePromise
from factbook_sdk.facts.kinds.data_contract import DataContract
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord

MAX_FACTS = 200
"""Facts about contracts of one table that are looked through."""
MAX_RESULTS = 2_000
"""Results of checks that are looked through for the last one of each contract."""
_TICK = timedelta(microseconds=1)


def promises_on(
    repository: MetadataRepository, table: TableRef, *, tenant: str, as_of: datetime | None, checked: bool
) -> list[TablePromise]:
    """Return the promises in force on a table, by the contracts' ids."""
    target, until = target_of(table), None if as_of is None else as_of + _TICK
    said = repository.query("data_contract", targets=[target], tenant=tenant, until=until, order="desc", limit=MAX_FACTS)
    last: dict[str, StoredRecord] = {}
    for stored in said.records:
        last.setdefault(stored.record.producer_id, stored)
    contracts = [msgspec.convert(stored.record.payload, DataContract) for stored in last.values() if stored.record.payload is not None]
    results: Sequence[StoredRecord] = ()
    if contracts and checked:
        results = repository.query(
            "quality_result", targets=[target], producer_id=CHECKER, tenant=tenant, until=until, order="desc", limit=MAX_RESULTS
        ).records
    return sorted((_promise(contract, results) for contract in contracts), key=lambda promise: promise.contract_id)


def _promise(contract: DataContract, results: Sequence[StoredRecord]) -> TablePromise:
    checked_at, outcomes = None, []
    for stored in results:
        result = msgspec.convert(stored.record.payload, QualityResult)
        if result.ruleset != contract.contract_id:
            continue
        checked_at = checked_at or stored.record.produced_at
        if stored.record.produced_at != checked_at:
            break
        outcomes.append(result.outcome)
    return TablePromise(
        contract.contract_id,
        contract.version,
        contract.status,
        [column.name for column in contract.columns],
        contract.owner,
        checked_at,
        None if checked_at is None else outcomes.count("failed"),
        None if checked_at is None else outcomes.count("error"),
    )
