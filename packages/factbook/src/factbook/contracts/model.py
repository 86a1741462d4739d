"""What goes into contracts and what comes out of them. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.data_contract import ContractObject, DataContract
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence
from factbook_sdk.facts.parts import TableRef

CHECKER = "contracts.v1"
"""Who says whether promises about structure are kept."""


class ImportWish(msgspec.Struct, frozen=True):
    """How a document is to be imported. ``bind`` are tables (``source.schema.table``) by the names of objects, or of a product's ports;
    with ``replace`` a version that is there is replaced, and a lower one taken. ``seen`` is since when the contract is as whoever changes
    it saw it: one that was changed meanwhile is left as it is."""

    bind: Mapping[str, str] = {}
    replace: bool = False
    by: str | None = None
    seen: datetime | None = None


def parse_binds(texts: Iterable[str]) -> dict[str, str]:
    """Read ``OBJECT=SOURCE.SCHEMA.TABLE``; raises :class:`InvalidRequest`."""
    found = {}
    for text in texts:
        name, sign, table = text.partition("=")
        if not (name and sign and table) or name in found:
            why = "the object is bound twice" if name in found else "it says no object and table"
            raise InvalidRequest(f"{text!r} binds nothing", why=why, fix="Write OBJECT=SOURCE.SCHEMA.TABLE", field="bind")
        found[name] = table
    return found


class Imported(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a document. ``objects`` are those of a contract with the tables they are bound to, or the ports of a product."""

    kind: Literal["DataContract", "DataProduct"]
    id: str
    version: str | None
    outcome: Literal["stored", "unchanged"]
    objects: list[ContractObject] = []
    replaced: list[str] = []

    @property
    def unbound(self) -> list[ContractObject]:
        """Return the objects that are bound to no table."""
        return [item for item in self.objects if item.table is None]


State = Literal["in_force", "proposed", "draft", "active", "deprecated", "retired", "ended"]
STATES: tuple[State, ...] = get_args(State)


class ContractFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which contracts to list. ``text`` holds words that must all occur in ids, names, owners or the first tables; ``state`` is a status,
    ``in_force`` for active and deprecated ones, or ``ended`` for those that were removed."""

    text: str | None = None
    state: State | None = None


class ContractEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contract in a list. ``name`` is that of the document; ``changed_at`` is since when it is as it is. One that is ``ended`` was
    removed then, and is told as it was."""

    id: str
    version: str
    status: str
    changed_at: datetime
    name: str | None = None
    owner: str | None = None
    tables: list[TableRef] = []
    unbound: int = 0
    ended: bool = False


class ContractPage(msgspec.Struct, frozen=True):
    """Contracts by id. ``next_cursor`` continues."""

    items: list[ContractEntry]
    next_cursor: str | None
    as_of: datetime | None = None


class ContractView(msgspec.Struct, frozen=True):
    """One contract: the fact about it as a whole, what it promises of each table, and its document with what was edited here."""

    contract: DataContract
    promises: list[BoundPromise]
    document: dict[str, Any]
    changed_at: datetime
    as_of: datetime | None = None


class BoundPromise(msgspec.Struct, frozen=True):
    """What is promised of one table."""

    table: TableRef
    promise: DataContract


class TablePromise(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a contract promises of one table. ``broken`` and ``unknown`` count its promises about structure as they were checked last;
    they are missing where nobody checked."""

    contract_id: str
    version: str
    status: str
    columns: list[str]
    owner: str | None = None
    checked_at: datetime | None = None
    broken: int | None = None
    unknown: int | None = None


class ContractChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state a contract had from ``at`` on; without a version it was removed then. ``changes`` are against the state before."""

    offset: int
    at: datetime
    version: str | None = None
    status: str | None = None
    owner: str | None = None
    by: str | None = None
    changes: list[str] = []


class ContractHistory(msgspec.Struct, frozen=True):
    """States of one contract, the newest last. ``next_after_offset`` continues."""

    id: str
    items: list[ContractChange]
    next_after_offset: int | None


class ContractChanges(msgspec.Struct, frozen=True):
    """States of one contract, the newest first. ``next_cursor`` continues."""

    id: str
    items: list[ContractChange]
    next_cursor: str | None


class ContractEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be another; what is left out stays."""

    status: Literal["proposed", "draft", "active", "deprecated", "retired"] | None = None
    version: str | None = None
    owner: str | None = None
    description: str | None = None


class CheckedPromise(msgspec.Struct, frozen=True, omit_defaults=True):
    """One promise about structure that was checked, with its table; ``error`` means that it cannot be told."""

    result: QualityResult
    table: TableRef | None = None


class ContractStanding(msgspec.Struct, frozen=True):
    """How a contract stands by the last scans, whoever checked it when. ``unknown`` counts promises that cannot be told."""

    id: str
    in_force: bool
    structure: Literal["kept", "broken", "unknown"]
    broken: int
    unknown: int
    promises: int
    results: list[CheckedPromise]


class LastFound(msgspec.Struct, frozen=True):
    """What was last found of one rule about a table's data, or of one service level, and when."""

    at: datetime
    table: TableRef
    result: QualityResult | None
    level: SlaAdherence | None


class ContractCheck(msgspec.Struct, frozen=True):
    """Whether a contract's promises about structure are kept by the last scans. ``job_ids`` are of the jobs that judge its data."""

    id: str
    version: str
    status: str
    passed: bool
    broken: int
    unknown: int
    results: list[CheckedPromise]
    job_ids: list[str] = []

    def with_jobs(self, job_ids: list[str]) -> ContractCheck:
        """Return this with the jobs that judge the contract's data."""
        return msgspec.structs.replace(self, job_ids=job_ids)
