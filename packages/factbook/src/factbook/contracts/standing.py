"""How contracts stand: whether what they promise of structure is kept by the last scans, and what was last found of their data.

Nothing is stored: who wants it on record runs a check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from factbook.contracts.checking import Scanned, check_structure
from factbook.contracts.facts import State, target_of
from factbook.contracts.model import CHECKER, CheckedPromise, ContractStanding, LastFound
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_contract import BINDING
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord

MAX_RESULTS = 200
"""Results of one table that are looked through for the last one of each rule of a contract."""


def standings_of(
    repository: MetadataRepository, states: Sequence[State], *, tenant: str, as_of: datetime | None = None
) -> list[ContractStanding]:
    """Return how contracts stand by the last scans, read in bulk."""
    tables = {table for state in states for table in state.promises}
    scanned = Scanned(repository, tables, tenant=tenant, as_of=as_of)
    return [_standing(state, check_structure(state, scanned)) for state in states]


def _standing(state: State, results: list[CheckedPromise]) -> ContractStanding:
    outcomes = [checked.result.outcome for checked in results]
    broken, unknown = outcomes.count("failed"), outcomes.count("error")
    whole = state.whole
    return ContractStanding(
        id=whole.contract_id,
        in_force=whole.status in BINDING,
        structure="broken" if broken else "unknown" if unknown else "kept",
        broken=broken,
        unknown=unknown,
        promises=len(results),
        results=results,
    )


def last_found(repository: MetadataRepository, state: State, *, tenant: str, as_of: datetime | None = None) -> list[LastFound]:
    """Return the last result of each rule of a contract about the data of its tables, and the last word on each of its service levels."""
    contract_id = state.whole.contract_id
    tables = {target_of(table): table for table in state.promises}
    found: dict[tuple[TableRef, str, str], LastFound] = {}
    for stored in _newest_first(repository, "quality_result", list(tables), tenant, as_of):
        result = msgspec.convert(stored.record.payload, QualityResult)
        if result.ruleset == contract_id and stored.record.producer_id != CHECKER:
            table = tables[stored.record.target]
            found.setdefault((table, "rule", result.rule), LastFound(stored.record.produced_at, table, result, None))
    for stored in _newest_first(repository, "sla_adherence", list(tables), tenant, as_of):
        kept = msgspec.convert(stored.record.payload, SlaAdherence)
        if kept.contract_id == contract_id:
            table = tables[stored.record.target]
            found.setdefault((table, "level", kept.name), LastFound(stored.record.produced_at, table, None, kept))
    return list(found.values())


def _newest_first(
    repository: MetadataRepository, kind: str, targets: list[MetadataTarget], tenant: str, as_of: datetime | None
) -> Iterator[StoredRecord]:
    if not targets:
        return
    until = None if as_of is None else as_of + timedelta(microseconds=1)
    limit = min(MAX_LIMIT, MAX_RESULTS * len(targets))
    yield from repository.query(kind, targets=targets, tenant=tenant, until=until, order="desc", limit=limit).records
