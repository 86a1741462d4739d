"""The facts of contracts in one tenant's log: what holds of one of them, and how they are stored together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from factbook.errors import NotFound, PreconditionFailed
from factbook.repository.appending import lock_head
from factbook.repository.latest import latest
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.data_contract import CONTRACTS, DataContract, contract_producer, contract_target
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord, Within

_PAGE = 10
"""Facts read to find the last state of a contract that is ended: most often it is the last but one."""


class State(msgspec.Struct, frozen=True):
    """A contract as it is: the fact about the whole, and those about its tables."""

    whole: DataContract
    promises: dict[TableRef, DataContract]
    stored: StoredRecord

    def by_object(self) -> dict[str, DataContract]:
        """Return what is promised by the names of the document's objects."""
        return {promise.object: promise for promise in self.promises.values() if promise.object}


class Facts:
    """Reads and writes the contracts of one tenant."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def find(self, contract_id: str, *, as_of: datetime | None = None) -> State | None:
        """Return a contract as it is or was; ``None`` where there is none."""
        stored = self._repository.latest(contract_target(contract_id), "data_contract", tenant=self._tenant, as_of=as_of)
        if stored is None or stored.record.payload is None:
            return None
        whole = msgspec.convert(stored.record.payload, DataContract)
        return State(whole, self._promises(whole, as_of), stored)

    def get(self, contract_id: str, *, as_of: datetime | None = None) -> State:
        """Return a contract; raises :class:`NotFound`."""
        found = self.find(contract_id, as_of=as_of)
        if found is None:
            when = "" if as_of is None else f" at {as_utc(as_of, 'as_of').isoformat()}"
            raise NotFound(f"There is no contract {contract_id!r}{when}", fix="`factbook contracts list` shows those there are", field="id")
        return found

    def _promises(self, whole: DataContract, as_of: datetime | None) -> dict[TableRef, DataContract]:
        producer = contract_producer(whole.contract_id)
        targets = {target_of(item.table): item.table for item in whole.objects if item.table is not None}
        if not targets:
            return {}
        found = self._repository.latest_many(list(targets), "data_contract", producer_id=producer, tenant=self._tenant, as_of=as_of)
        return {
            table: msgspec.convert(found[target].record.payload, DataContract)
            for target, table in targets.items()
            if target in found and found[target].record.payload is not None
        }

    def store(self, whole: DataContract, promises: Mapping[TableRef, DataContract], before: State | None, by: str | None) -> None:
        """Store a contract with what it promises of its tables, and end what it promised of others: all at once, or nothing.

        Raises :class:`PreconditionFailed` where somebody else stored it since ``before`` was read.
        """
        now = datetime.now(UTC)
        producer, context, extras = contract_producer(whole.contract_id), MetadataContext(tenant=self._tenant), {"by": by} if by else {}
        said: list[tuple[MetadataTarget, DataContract]] = [(contract_target(whole.contract_id), whole)]
        said += [(target_of(table), promise) for table, promise in promises.items()]
        records = [
            record_of(payload, target, producer_id=producer, produced_at=now, context=context, extras=extras) for target, payload in said
        ]
        gone = [] if before is None else [table for table in before.promises if table not in promises]
        records += [self._closed(target_of(table), producer, now) for table in gone]
        if not isinstance(self._repository, SqlRepository):
            self._repository.bulk_store(records, atomic=True)
            return
        with self._repository.transaction() as transaction:
            lock_head(transaction.connection)
            channel = self._repository.numbers.channel(transaction.connection, self._tenant, "data_contract")
            targets = [contract_target(whole.contract_id)]
            found = channel and latest(transaction.connection, self._repository.bodies, channel, self._tenant, targets, None, None)
            _check_unchanged(whole.contract_id, before, found.get(targets[0]) if found else None)
            transaction.append(records)

    def close(self, state: State) -> None:
        """End a contract and all it promised."""
        now, producer = datetime.now(UTC), contract_producer(state.whole.contract_id)
        targets = [contract_target(state.whole.contract_id), *map(target_of, state.promises)]
        self._repository.bulk_store([self._closed(target, producer, now) for target in targets], atomic=True)

    def _closed(self, target: MetadataTarget, producer: str, now: datetime) -> MetadataRecord:
        return closing(DataContract, target, producer_id=producer, produced_at=now, context=MetadataContext(tenant=self._tenant))

    def wholes(self, *, as_of: datetime | None = None) -> dict[str, StoredRecord]:
        """Return the facts about contracts as wholes by id; those of contracts that were removed are tombstones."""
        found = self._repository.latest_many(Within(CONTRACTS), "data_contract", tenant=self._tenant, as_of=as_of)
        return {target.table or "": stored for target, stored in found.items()}

    def some(self, ids: Sequence[str], *, as_of: datetime | None = None) -> list[StoredRecord]:
        """Return the facts about some contracts as wholes, in the order asked for; those that are not there are left out."""
        targets = [contract_target(contract_id) for contract_id in ids]
        if not targets:
            return []
        found = self._repository.latest_many(targets, "data_contract", tenant=self._tenant, as_of=as_of)
        return [found[target] for target in targets if target in found and found[target].record.payload is not None]

    def on_tables(self, tables: Sequence[TableRef], *, as_of: datetime | None = None) -> dict[TableRef, list[str]]:
        """Return the ids of the contracts that hold on tables, by what was last said by each."""
        targets = {target_of(table): table for table in tables}
        until = None if as_of is None else as_of + timedelta(microseconds=1)
        last: dict[tuple[TableRef, str], StoredRecord] = {}
        cursor = None
        while targets:
            page = self._repository.query(
                "data_contract", targets=list(targets), tenant=self._tenant, until=until, order="desc", limit=MAX_LIMIT, cursor=cursor
            )
            for stored in page.records:
                last.setdefault((targets[stored.record.target], stored.record.producer_id), stored)
            cursor = page.next_cursor
            if cursor is None:
                break
        found: dict[TableRef, list[str]] = {}
        for (table, _), stored in last.items():
            if stored.record.payload is not None:
                found.setdefault(table, []).append(stored.record.payload["contract_id"])
        return {table: sorted(ids) for table, ids in found.items()}

    def states(self, stored: Sequence[StoredRecord], *, as_of: datetime | None = None) -> list[State]:
        """Return contracts with their promises, given the facts about the wholes."""
        wholes = [msgspec.convert(item.record.payload, DataContract) for item in stored]
        tables = {target_of(item.table) for whole in wholes for item in whole.objects if item.table is not None}
        # Most tables stand under one contract, so that the last fact of each is most often the one that is wanted.
        last = self._repository.latest_many(list(tables), "data_contract", tenant=self._tenant, as_of=as_of) if tables else {}
        return [State(whole, self._among(whole, last, as_of), item) for whole, item in zip(wholes, stored, strict=True)]

    def _among(
        self, whole: DataContract, last: Mapping[MetadataTarget, StoredRecord], as_of: datetime | None
    ) -> dict[TableRef, DataContract]:
        producer, found = contract_producer(whole.contract_id), {}
        for table in (item.table for item in whole.objects if item.table is not None):
            stored = last.get(target_of(table))
            if stored is None or stored.record.producer_id != producer or stored.record.payload is None:
                return self._promises(whole, as_of)
            found[table] = msgspec.convert(stored.record.payload, DataContract)
        return found

    def before_end(self, contract_id: str, *, as_of: datetime | None = None) -> StoredRecord | None:
        """Return the last fact about a contract that was no tombstone."""
        states = self.newest(contract_id, limit=_PAGE, cursor=None, as_of=as_of)
        return next((stored for stored in states if stored.record.payload is not None), None)

    def history(self, contract_id: str, *, limit: int, after_offset: int | None) -> list[StoredRecord]:
        """Return the states of a contract, the newest last."""
        return self._repository.history(
            contract_target(contract_id), "data_contract", tenant=self._tenant, limit=limit, after_offset=after_offset
        )

    def newest(self, contract_id: str, *, limit: int, cursor: str | None, as_of: datetime | None) -> list[StoredRecord]:
        """Return the states of a contract, the newest first, up to a moment."""
        until = None if as_of is None else as_of + timedelta(microseconds=1)
        target = contract_target(contract_id)
        page = self._repository.query(
            "data_contract", targets=[target], tenant=self._tenant, until=until, order="desc", limit=limit, cursor=cursor
        )
        return page.records

    def at(self, offset: int) -> StoredRecord | None:
        """Return the fact at an offset of the log."""
        page = self._repository.tail(max(offset - 1, 0), kinds=["data_contract"], tenant=self._tenant, limit=1)
        return next((stored for stored in page.records if stored.offset == offset), None)


def target_of(table: TableRef) -> MetadataTarget:
    """Return the target of what is said of a table."""
    return MetadataTarget(table.source_id, table.schema, table.table)


def _check_unchanged(contract_id: str, before: State | None, last: StoredRecord | None) -> None:
    now = None if last is None or last.record.payload is None else last.id
    if now != (None if before is None else before.stored.id):
        why = "somebody else stored it at the same time"
        raise PreconditionFailed(f"The contract {contract_id} was changed meanwhile", why=why, fix="Read it again, and change that")
