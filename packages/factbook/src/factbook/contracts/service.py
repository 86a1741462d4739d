"""Data contracts of one tenant: imported, edited, exported, listed, checked, removed. They live in the log as ``data_contract`` facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.contracts.binding import Catalog, bind
from factbook.contracts.checking import Scanned, check_structure, store_results
from factbook.contracts.drafting import draft_contract
from factbook.contracts.facts import Facts, State, target_of
from factbook.contracts.listing import entry_of, is_wanted
from factbook.contracts.model import (
    BoundPromise,
    ContractChange,
    ContractChanges,
    ContractCheck,
    ContractEdit,
    ContractEntry,
    ContractFilter,
    ContractHistory,
    ContractPage,
    ContractStanding,
    ContractView,
    Imported,
    ImportWish,
    LastFound,
    TablePromise,
)
from factbook.contracts.odcs import contract_of, objects_of, promise_of, written
from factbook.contracts.promised import promises_on
from factbook.contracts.reading import Read
from factbook.contracts.standing import last_found, standings_of
from factbook.contracts.versions import differences, is_lower
from factbook.errors import ContractTaken, InvalidRequest, NotFound, PreconditionFailed
from factbook_sdk.facts.kinds.data_contract import ContractObject, DataContract
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord, check_limit
from factbook_sdk.repository.paging import format_cursor

_MAX_ID = 400
"""Characters of an id: it is part of a producer's name."""
_MAX_DIFFERENCES = 20
_ALL = ContractFilter()


class Contracts:
    """The contracts of one tenant."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._facts = Facts(repository, tenant=tenant)

    def import_document(self, read: Read, wish: ImportWish = ImportWish()) -> Imported:  # noqa: B008 - frozen
        """Store a contract; raises :class:`ContractTaken` for a version that is there and differs, or a lower one than is in force.

        Importing the same document again changes nothing, but that objects are bound whose tables were scanned meanwhile.
        """
        document = read.root
        _check_names(document)
        before = self._facts.find(document["id"])
        _check_seen(document["id"], before, wish.seen)
        replaced = [] if before is None else list(_check_version(document, before, replaces=wish.replace))
        known = [] if before is None else before.whole.objects
        objects = bind(document, Catalog(self._repository, tenant=self._tenant), wish.bind, known)
        whole = msgspec.structs.replace(contract_of(document), objects=objects)
        promises = dict(_promises(document, objects))
        is_same = before is not None and before.whole == whole and before.promises == promises
        if not is_same:
            self._facts.store(whole, promises, before, wish.by)
        return Imported("DataContract", whole.contract_id, whole.version, "unchanged" if is_same else "stored", objects, replaced)

    def page(
        self, wanted: ContractFilter = _ALL, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None
    ) -> ContractPage:
        """Return contracts by id, as they are or were at a moment. A page names the first tables of each."""
        check_limit(limit)
        moment = None if as_of is None else as_utc(as_of, "as_of")
        found: list[ContractEntry] = []
        for name, stored in sorted(self._facts.wholes(as_of=moment).items()):
            if (stored.record.payload is None) is not (wanted.state == "ended") or (cursor is not None and name <= cursor):
                continue
            entry = self._ended(name, stored, moment) if stored.record.payload is None else entry_of(stored)
            if entry is not None and is_wanted(entry, wanted):
                found.append(entry)
            if len(found) > limit:
                break
        return ContractPage(found[:limit], found[limit - 1].id if len(found) > limit else None, moment)

    def _ended(self, contract_id: str, end: StoredRecord, as_of: datetime | None) -> ContractEntry | None:
        last = self._facts.before_end(contract_id, as_of=as_of)
        return None if last is None else msgspec.structs.replace(entry_of(last), changed_at=end.record.produced_at, ended=True)

    def entries(self, ids: Sequence[str], *, as_of: datetime | None = None) -> list[ContractEntry]:
        """Return some contracts as a list shows them, in the order asked for; those that are not there are left out."""
        return [entry_of(stored) for stored in self._facts.some(ids, as_of=as_of)]

    def standings(self, ids: Sequence[str], *, as_of: datetime | None = None) -> list[ContractStanding]:
        """Return how contracts stand by the last scans, in the order asked for; those that are not there are left out."""
        moment = None if as_of is None else as_utc(as_of, "as_of")
        states = self._facts.states(self._facts.some(ids, as_of=moment), as_of=moment)
        return standings_of(self._repository, states, tenant=self._tenant, as_of=moment)

    def last_found(self, contract_id: str, *, as_of: datetime | None = None) -> list[LastFound]:
        """Return what was last found of a contract's promises about data and service levels; raises :class:`NotFound`."""
        state = self._facts.get(contract_id, as_of=as_of)
        return last_found(self._repository, state, tenant=self._tenant, as_of=as_of)

    def on_tables(self, tables: Sequence[TableRef], *, as_of: datetime | None = None) -> dict[TableRef, list[str]]:
        """Return the ids of the contracts that tables stand under."""
        return self._facts.on_tables(tables, as_of=as_of)

    def get(self, contract_id: str, *, as_of: datetime | None = None) -> ContractView:
        """Return one contract; raises :class:`NotFound`."""
        state = self._facts.get(contract_id, as_of=as_of)
        promises = [BoundPromise(table, promise) for table, promise in state.promises.items()]
        whole = msgspec.structs.replace(state.whole, document={})
        return ContractView(whole, promises, _document(state), state.stored.record.produced_at, as_of)

    def on(self, table: TableRef, *, as_of: datetime | None = None, checked: bool = True) -> list[TablePromise]:
        """Return what contracts promise of a table, by id; with ``checked`` how the last check of each went."""
        return promises_on(self._repository, table, tenant=self._tenant, as_of=as_of, checked=checked)

    def document(self, contract_id: str, *, as_of: datetime | None = None) -> dict[str, Any]:
        """Return a contract as ODCS, with what was edited here; raises :class:`NotFound`."""
        return _document(self._facts.get(contract_id, as_of=as_of))

    def edit(self, contract_id: str, edit: ContractEdit, *, by: str | None = None) -> ContractView:
        """Change what a contract says of itself; its document stays, and its export says so."""
        state = self._facts.get(contract_id)
        given = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not None}
        empty = next((name for name, value in given.items() if not value.strip()), None)
        if empty is not None or not given:
            raise InvalidRequest(f"The {empty or 'edit'} is empty", fix="Say what is to be another", field=empty or "edit")
        shared = {name: value for name, value in given.items() if name != "description"}
        promises = {table: msgspec.structs.replace(promise, **shared) for table, promise in state.promises.items()}
        self._facts.store(msgspec.structs.replace(state.whole, **given), promises, state, by)
        return self.get(contract_id)

    def history(self, contract_id: str, *, limit: int = 100, after_offset: int | None = None) -> ContractHistory:
        """Return how a contract came to be what it is; raises :class:`NotFound` for one that never was."""
        check_limit(limit)
        stored = self._facts.history(contract_id, limit=limit + 1, after_offset=after_offset)
        if not stored and after_offset is None:
            raise NotFound(f"There never was a contract {contract_id!r}", field="id")
        items = []
        before = None if after_offset is None else self._facts.at(after_offset)
        for item in stored[:limit]:
            items.append(_change(item, before))
            before = item
        return ContractHistory(contract_id, items, items[-1].offset if len(stored) > limit else None)

    def changes(self, contract_id: str, *, limit: int = 50, cursor: str | None = None, as_of: datetime | None = None) -> ContractChanges:
        """Return the same as :meth:`history` from its end, up to a moment; raises :class:`NotFound` for one that never was."""
        check_limit(limit)
        page = self._facts.newest(contract_id, limit=limit + 1, cursor=cursor, as_of=as_of)
        if not page and cursor is None:
            raise NotFound(f"There never was a contract {contract_id!r}" + (" by then" if as_of else ""), field="id")
        shown, earlier = page[:limit], [*page[1:], None]
        items = [_change(item, before) for item, before in zip(shown, earlier, strict=False)]
        return ContractChanges(contract_id, items, format_cursor(shown[-1]) if len(page) > limit else None)

    def remove(self, contract_id: str) -> None:
        """End a contract; its history stays. Raises :class:`NotFound`."""
        self._facts.close(self._facts.get(contract_id))

    def check(self, contract_id: str, *, run_id: str | None = None) -> ContractCheck:
        """Hold a contract's tables, as they were scanned last, against what it promises of their structure, and store what that says."""
        state = self._facts.get(contract_id)
        results = check_structure(state, Scanned(self._repository, state.promises, tenant=self._tenant))
        store_results(self._repository, results, tenant=self._tenant, run_id=run_id)
        outcomes = [checked.result.outcome for checked in results]
        broken, unknown = outcomes.count("failed"), outcomes.count("error")
        whole = state.whole
        return ContractCheck(whole.contract_id, whole.version, whole.status, not (broken or unknown), broken, unknown, results)

    def tables(self, contract_id: str) -> list[TableRef]:
        """Return the tables a contract is bound to."""
        return list(self._facts.get(contract_id).promises)

    def draft(self, table: str, *, as_of: datetime | None = None) -> dict[str, Any]:
        """Return a contract that promises what a scanned table, ``source.schema.table``, keeps now; nothing is stored."""
        ref = Catalog(self._repository, tenant=self._tenant).named(table)
        if ref is None:
            raise NotFound(f"There is no table {table}", why="no scan saw one that is called so", fix="Write SOURCE.SCHEMA.TABLE, or scan")
        target = target_of(ref)
        stored = self._repository.latest(target, "schema_snapshot", tenant=self._tenant, as_of=as_of)
        if stored is None or stored.record.payload is None:
            raise NotFound(f"The table {table} was not there then", field="as_of")
        measured = self._repository.latest(target, "statistics_snapshot", tenant=self._tenant, as_of=as_of)
        statistics = None if measured is None else measured.record.payload
        return draft_contract(ref, msgspec.convert(stored.record.payload, SchemaSnapshot), statistics)


def _check_names(document: dict[str, Any]) -> None:
    for field in ("id", "version"):
        if not document[field].strip() or len(document[field]) > _MAX_ID:
            raise InvalidRequest(f"The {field} of the contract is {'too long' if document[field].strip() else 'empty'}", field=field)
    names = [item["name"] for item in objects_of(document)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"The contract has two objects called {twice!r}", fix="Give each a name of its own", field="schema")


def _check_seen(contract_id: str, before: State | None, seen: datetime | None) -> None:
    """Raise :class:`PreconditionFailed` where a contract is no longer as it was seen."""
    if seen is None or (before is not None and before.stored.record.produced_at == seen):
        return
    now = "it is gone" if before is None else f"it is at version {before.whole.version}, changed at {before.stored.record.produced_at}"
    raise PreconditionFailed(f"The contract {contract_id} is not what you saw", why=now, fix="Read it again, and change that", field="seen")


def _check_version(document: dict[str, Any], before: State, *, replaces: bool) -> Iterator[str]:
    """Yield what a replaced version said otherwise; raises :class:`ContractTaken` where that was not asked for."""
    whole = before.whole
    what = f"{whole.contract_id} {document['version']}"
    if is_lower(document["version"], whole.version) and not replaces:
        raise ContractTaken(
            f"{what} is not imported",
            why=f"{whole.version} is in force, which is later",
            fix="Give it a later version, or add --replace (replace=true)",
            field="version",
        )
    if document["version"] != whole.version:
        return
    found = list(differences(_document(before), document))
    if found and not replaces:
        raise ContractTaken(
            f"{what} is there already and says otherwise",
            why=_listed(found),
            fix="Give it a later version, or add --replace (replace=true)",
            field="version",
        )
    yield from found[:_MAX_DIFFERENCES]


def _listed(found: list[str]) -> str:
    more = f"; and {len(found) - _MAX_DIFFERENCES} more" if len(found) > _MAX_DIFFERENCES else ""
    return "; ".join(found[:_MAX_DIFFERENCES]) + more


def _promises(document: dict[str, Any], objects: list[ContractObject]) -> Iterator[tuple[TableRef, DataContract]]:
    tables: dict[TableRef, str] = {}
    by_name = {item["name"]: item for item in objects_of(document)}
    for item in objects:
        if item.table is None:
            continue
        if item.table in tables:
            raise InvalidRequest(
                f"{tables[item.table]} and {item.name} are bound to one table", fix="Bind one of them to another table", field="bind"
            )
        tables[item.table] = item.name
        yield item.table, promise_of(document, by_name[item.name])


def _document(state: State) -> dict[str, Any]:
    return written(state.whole, state.by_object())


def _change(stored: StoredRecord, before: StoredRecord | None) -> ContractChange:
    by = stored.record.extras.get("by")
    said = by if isinstance(by, str) else None
    if stored.record.payload is None:
        return ContractChange(stored.offset, stored.record.produced_at, by=said)
    whole = msgspec.convert(stored.record.payload, DataContract)
    earlier = None if before is None or before.record.payload is None else before.record.payload
    # What the facts say of the document, and the document itself, is told once.
    told = () if earlier is None else (text.removeprefix("document.") for text in differences(earlier, stored.record.payload))
    changes = list(dict.fromkeys(told))[:_MAX_DIFFERENCES]
    return ContractChange(stored.offset, stored.record.produced_at, whole.version, whole.status, whole.owner, said, changes)
