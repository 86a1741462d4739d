"""Which differences break a contract in force: raised to breaking, whatever the rules or a file say of them.

A contract is a promise to somebody, so that neither a mild rule nor a line in the file of severities takes it back. What does is to accept
the one change by its id, or to change the contract.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from factbook.diff.comparison import SEVERITIES, Judged
from factbook.diff.model import Difference, Party, Verdict
from factbook.diff.paths import split_path
from factbook.diff.verdict import place_of
from factbook.diff.verdict.case import TYPE_ATTRIBUTES
from factbook.sources.contract import TableName
from factbook_sdk.checks.contracts import Breach, Problem, check_contract
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_contract import BINDING, DataContract
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository

Promises = Mapping[TableName, Sequence[DataContract]]
"""The contracts in force on tables of one source."""

_LESS = frozenset(
    {
        "column_removed",
        "type_narrowed",
        "type_specialised",
        "type_replaced",
        "nullability_tightened",
        "enum_value_removed",
        "character_set_narrowed",
    }
)
"""Rules of the verdict by which a promised column is gone, narrowed or tightened, whatever else the contract says of it."""
_PROBLEMS: dict[str, Problem] = {"nullable": "required", "domain": "required", "enum_values": "type"}
_PROBLEMS |= {name: "type" for name in TYPE_ATTRIBUTES}  # noqa: C420 - fromkeys would lose the type of the values
"""Which promise an attribute of a column is about."""
_TABLES_AT_A_TIME = 500


def promises_of(repository: MetadataRepository, source_id: str, names: Iterable[TableName], *, tenant: str) -> Promises:
    """Read the contracts in force on some tables, each as it is now."""
    found: defaultdict[TableName, dict[str, DataContract]] = defaultdict(dict)
    targets = [MetadataTarget(source_id, name.schema, name.table) for name in sorted(set(names))]
    for start in range(0, len(targets), _TABLES_AT_A_TIME):
        cursor = None
        while True:
            page = repository.query(
                "data_contract", targets=targets[start : start + _TABLES_AT_A_TIME], tenant=tenant, limit=MAX_LIMIT, cursor=cursor
            )
            for stored in page.records:
                target, payload = stored.record.target, stored.record.payload
                own = found[TableName(target.schema or "", target.table or "")]
                # The oldest come first, so that the last one of each producer is the one that holds.
                own.pop(stored.record.producer_id, None)
                if payload is not None:
                    own[stored.record.producer_id] = msgspec.convert(payload, DataContract)
            cursor = page.next_cursor
            if cursor is None:
                break
    in_force = {name: [contract for contract in own.values() if contract.status in BINDING] for name, own in found.items()}
    return {name: contracts for name, contracts in in_force.items() if contracts}


def raised(judged: Sequence[Judged], promises: Promises, *, engine: str | None = None) -> list[Judged]:
    """Return the differences with those that break a contract as breaking, the worst first."""
    items = [_raised(item, promises.get(item.difference.name, ()) if item.difference.name else (), engine) for item in judged]
    return sorted(items, key=lambda item: SEVERITIES.index(item.verdict.severity))


def _raised(item: Judged, contracts: Sequence[DataContract], engine: str | None) -> Judged:
    broken = [(contract, said) for contract in contracts if (said := list(_breaches(item, contract, engine)))]
    if not broken:
        return item
    verdict = item.verdict
    told = "; ".join(f"it breaks the contract {contract.contract_id} {contract.version}: {', '.join(said)}" for contract, said in broken)
    mild = "" if verdict.severity == "breaking" else f" ({verdict.severity} without it)"
    parties: tuple[Party, ...] = ("readers", *(party for party in verdict.breaks if party != "readers"))
    reason = f"{verdict.reason}; {told}{mild}" if verdict.reason else f"{told}{mild}"
    return Judged(item.difference, Verdict(verdict.rule, "breaking", parties, reason, tuple(one.contract_id for one, _ in broken)))


def _breaches(item: Judged, contract: DataContract, engine: str | None) -> Iterator[str]:
    """Yield which promises of a contract a difference breaks that held before it."""
    difference = item.difference
    if difference.object == "table":
        if difference.change == "removed":
            yield "the table is promised"
        return
    place = place_of(difference)
    column = place[2] if difference.object == "column" and len(place) > 2 else None
    if column is not None and item.verdict.rule in _LESS and any(promised.name == column for promised in contract.columns):
        yield f"{column} is promised"
        return
    if item.verdict.rule == "type_detail":
        return
    yield from (str(breach) for breach in _new_breaches(difference, contract, engine) if _is_about(breach, difference, column))


def _is_about(breach: Breach, difference: Difference, column: str | None) -> bool:
    if difference.object == "column":
        attribute = (*split_path(difference.path), "", "", "")[2]
        return breach.column == column and breach.problem == _PROBLEMS.get(attribute, "column")
    return difference.object in ("constraint", "index") and breach.problem in ("unique", "primary_key")


def _new_breaches(difference: Difference, contract: DataContract, engine: str | None) -> list[Breach]:
    """Return what a contract promises that the table kept before and does not keep now."""
    if difference.snapshot_before is None or difference.snapshot_after is None:
        return []
    before = check_contract(contract, difference.snapshot_before, engine=engine)
    return [breach for breach in check_contract(contract, difference.snapshot_after, engine=engine) if breach not in before]
