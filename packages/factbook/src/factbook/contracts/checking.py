"""Promises about structure, held against the tables as they were scanned last, and said as ``quality_result`` facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from factbook.contracts.facts import State, target_of
from factbook.contracts.model import CHECKER, CheckedPromise
from factbook_sdk.checks.contracts import Breach, check_contract
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.data_contract import ContractObject, DataContract, contract_target
from factbook_sdk.facts.kinds.quality_result import Dimension, QualityResult
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository

_DIMENSIONS: dict[str, Dimension] = {"required": "completeness", "unique": "uniqueness", "primary_key": "uniqueness"}


class Scanned:
    """Tables as the last scans saw them at one moment, read in bulk."""

    def __init__(self, repository: MetadataRepository, tables: Iterable[TableRef], *, tenant: str, as_of: datetime | None = None) -> None:
        wanted = sorted({target_of(table) for table in tables}, key=str)
        self._found = repository.latest_many(wanted, "schema_snapshot", tenant=tenant, as_of=as_of) if wanted else {}
        self._engines = {source: _engine(repository, source, tenant, as_of) for source in {target.source_id for target in wanted}}

    def engine(self, table: TableRef) -> str | None:
        """Return the engine of a table's source."""
        return self._engines.get(table.source_id)

    def snapshot(self, table: TableRef) -> SchemaSnapshot | None:
        """Return a table's structure; ``None`` of one that no scan saw, or that is gone."""
        stored = self._found.get(target_of(table))
        payload = None if stored is None else stored.record.payload
        return None if payload is None else msgspec.convert(payload, SchemaSnapshot)


def check_structure(state: State, scanned: Scanned) -> list[CheckedPromise]:
    """Return a result for each promised column and key. An object that is bound to no table, and a contract without any, is ``error``."""
    results: list[CheckedPromise] = []
    for item in state.whole.objects:
        promise = None if item.table is None else state.promises.get(item.table)
        if item.table is None or promise is None:
            results.append(_unbound(state.whole, item))
            continue
        breaches = check_contract(promise, scanned.snapshot(item.table), engine=scanned.engine(item.table))
        results += [CheckedPromise(result, item.table) for result in _results(promise, breaches)]
    if not results:
        results.append(_unbound(state.whole, None))
    return results


def store_results(repository: MetadataRepository, results: list[CheckedPromise], *, tenant: str, run_id: str | None) -> None:
    """Store what a check found, all of it at once."""
    now, context = datetime.now(UTC), MetadataContext(tenant=tenant, run_id=run_id)
    records = [
        record_of(checked.result, _target(checked), producer_id=CHECKER, produced_at=now, context=context)
        for checked in results
        if checked.result.ruleset
    ]
    repository.bulk_store(records, atomic=True)


def _target(checked: CheckedPromise) -> MetadataTarget:
    return contract_target(checked.result.ruleset or "") if checked.table is None else target_of(checked.table)


def _engine(repository: MetadataRepository, source_id: str, tenant: str, as_of: datetime | None) -> str | None:
    stored = repository.latest(MetadataTarget(source_id), "catalog_scan", tenant=tenant, as_of=as_of)
    engine = None if stored is None or stored.record.payload is None else stored.record.payload.get("engine")
    return engine if isinstance(engine, str) else None


def _results(promise: DataContract, breaches: list[Breach]) -> Iterator[QualityResult]:
    """Yield one result a column, whatever is wrong with it, and one for what is promised of the table."""
    of_table = [breach for breach in breaches if breach.column is None]
    if of_table or not promise.columns:
        yield _result(promise, "table", of_table)
    if any(breach.problem == "table" for breach in of_table):
        return
    for column in promise.columns:
        yield _result(promise, f"column:{column.name}", [breach for breach in breaches if breach.column == column.name], column.name)


def _result(promise: DataContract, about: str, breaches: list[Breach], column: str | None = None) -> QualityResult:
    return QualityResult(
        rule=f"contract:{promise.contract_id}:{about}",
        check="contract_structure",
        dimension=next((_DIMENSIONS[breach.problem] for breach in breaches if breach.problem in _DIMENSIONS), "consistency"),
        outcome="failed" if breaches else "passed",
        columns=[] if column is None else [column],
        expected=f"as promised by {promise.contract_id} {promise.version}",
        reason="; ".join(breach.reason for breach in breaches) or None,
        ruleset=promise.contract_id,
        owner=promise.owner,
    )


def _unbound(whole: DataContract, item: ContractObject | None) -> CheckedPromise:
    reason = "the contract describes no object" if item is None else item.reason or "it is bound to no table"
    name = "table" if item is None else f"object:{item.name}"
    return CheckedPromise(
        QualityResult(
            rule=f"contract:{whole.contract_id}:{name}",
            check="contract_structure",
            dimension="consistency",
            outcome="error",
            reason=reason,
            ruleset=whole.contract_id,
            owner=whole.owner,
        )
    )
