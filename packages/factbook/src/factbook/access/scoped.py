"""A repository as one principal may use it: the one place where each verb is checked and what comes back is filtered.

A refusal is decided on the question alone, before anything is looked up, so that neither its words nor its time tell what is there.
Where only some namespaces or kinds may be read, records are left out before pages are cut: a page is as full, and ends as, one of a log
that holds nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from factbook.access.audit import Tally
from factbook.access.scopes import Action, Principal, is_everything, matches
from factbook.access.writing import write_check
from factbook.errors import NotAllowed
from factbook.repository import naming
from factbook_sdk.facts import DEFAULT_TENANT, MetadataRecord, MetadataTarget
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    BulkReport,
    MetadataRepository,
    QueryPage,
    Rejection,
    Stored,
    StoredRecord,
    TailPage,
    Targets,
    Within,
    check_limit,
    check_wait,
)
from factbook_sdk.repository.filters import Condition
from factbook_sdk.repository.paging import at_index, format_cursor, unknown_offset

_STEP_RECORDS = 1000
_TICK = timedelta(microseconds=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

Sees = Callable[[MetadataRecord], bool]


class ScopedRepository(MetadataRepository):
    """The repository ``inner`` for one principal. It holds nothing of its own: make one per request; closing it closes nothing.

    What becomes of written records is counted in ``tally``, if one is given. Where records must be left out, they are read by at least
    ``step_records`` at a time.
    """

    def __init__(
        self, inner: MetadataRepository, principal: Principal, *, tally: Tally | None = None, step_records: int = _STEP_RECORDS
    ) -> None:
        self._inner = inner
        self._principal = principal
        self._writes = write_check(principal)
        self._tally = tally
        self._step_records = step_records

    def store(self, record: MetadataRecord) -> Stored:
        refusal = self._writes.of(record)
        if refusal is not None:
            raise refusal
        stored = self._inner.store(record)
        self._count([record.context.tenant], [stored])
        return stored

    def bulk_store(self, records: Iterable[MetadataRecord], *, atomic: bool = False) -> BulkReport:
        if atomic:
            wanted = self._all_granted(list(records))
            report = self._inner.bulk_store(wanted, atomic=True)
            self._count([record.context.tenant for record in wanted], report.results)
            return report
        results: list[Stored | Rejection] = []
        places: list[int] = []
        tenants: list[str] = []

        def granted() -> Iterator[MetadataRecord]:
            for index, record in enumerate(records):
                refusal = self._writes.of(record)
                # What the inner repository says of a granted one takes this place later.
                results.append(Rejection(index, str(refusal or ""), refusal.field if refusal else None))
                if refusal is None:
                    places.append(index)
                    tenants.append(record.context.tenant)
                    yield record

        stored = self._inner.bulk_store(granted()).results
        for index, result in zip(places, stored, strict=True):
            results[index] = msgspec.structs.replace(result, index=index) if isinstance(result, Rejection) else result
        self._count(tenants, stored)
        return BulkReport(results)

    def latest(
        self,
        target: MetadataTarget,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> StoredRecord | None:
        sees = self._reader(tenant, kind)
        found = self._inner.latest(target, kind, producer_id=producer_id, tenant=tenant, as_of=as_of)
        if found is None or sees is None or sees(found.record):
            return found
        return self._last_seen(target, kind, sees, producer_id, tenant, as_of)

    def latest_many(
        self,
        targets: Targets,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> Mapping[MetadataTarget, StoredRecord]:
        sees = self._reader(tenant, kind)
        found = self._inner.latest_many(targets, kind, producer_id=producer_id, tenant=tenant, as_of=as_of)
        if sees is None:
            return found
        shown = {
            target: item if sees(item.record) else self._last_seen(target, kind, sees, producer_id, tenant, as_of)
            for target, item in found.items()
        }
        return {target: item for target, item in shown.items() if item is not None}

    def history(
        self,
        target: MetadataTarget,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = DEFAULT_LIMIT,
        after_offset: int | None = None,
    ) -> list[StoredRecord]:
        sees = self._reader(tenant, kind)
        check_limit(limit)

        def read(after: int | None, most: int) -> list[StoredRecord]:
            return self._inner.history(
                target, kind, producer_id=producer_id, tenant=tenant, since=since, until=until, limit=most, after_offset=after
            )

        if sees is None:
            return read(after_offset, limit)
        if after_offset is not None and not self._is_seen(after_offset, kind, tenant, sees):
            raise unknown_offset(after_offset)
        found: list[StoredRecord] = []
        step = self._step(limit)
        while len(found) < limit:
            page = read(after_offset, step)
            found.extend(item for item in page if sees(item.record))
            if len(page) < step:
                break
            after_offset = page[-1].offset
        return found[:limit]

    def query(
        self,
        kind: str,
        *,
        targets: Targets | None = None,
        where: Sequence[Condition] = (),
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["asc", "desc"] = "asc",
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> QueryPage:
        sees = self._reader(tenant, kind)
        check_limit(limit)

        def read(after: str | None, most: int) -> QueryPage:
            return self._inner.query(
                kind,
                targets=targets,
                where=where,
                producer_id=producer_id,
                tenant=tenant,
                since=since,
                until=until,
                order=order,
                limit=most,
                cursor=after,
            )

        return read(cursor, limit) if sees is None else _seen_page(read, sees, limit=limit, step=self._step(limit), cursor=cursor)

    def tail(
        self,
        after_offset: int = 0,
        *,
        kinds: Sequence[str] | None = None,
        tenant: str = DEFAULT_TENANT,
        limit: int = DEFAULT_LIMIT,
        wait_seconds: float = 0.0,
    ) -> TailPage:
        sees = self._follower(tenant, kinds)
        check_limit(limit)
        deadline = time.monotonic() + check_wait(wait_seconds)
        while True:
            waits = max(0.0, deadline - time.monotonic())
            page = self._inner.tail(after_offset, kinds=kinds, tenant=tenant, limit=limit, wait_seconds=waits)
            shown = page.records if sees is None else [item for item in page.records if sees(item.record)]
            # Of a full page nothing was passed over but what may not be seen, so the offset it reached is ours as well.
            if shown or not page.records:
                return TailPage(shown, page.next_offset)
            after_offset = page.next_offset

    def at_offset(self, offset: int, *, tenant: str) -> StoredRecord | None:
        """Return the record with an offset; ``None`` where there is none that may be seen."""
        if not self._principal.may_some(Action.READ, tenant):
            raise not_allowed(self._principal, Action.READ, tenant)
        found = self._inner.tail(max(offset - 1, 0), tenant=tenant, limit=1).records
        if not found or found[0].offset != offset:
            return None
        record = found[0].record
        return found[0] if self._principal.may(Action.READ, tenant, record.context.namespace, record.kind) else None

    def sources_of(self, kind: str, *, tenant: str) -> set[str]:
        """Return the sources of which there is a record of the kind that may be seen."""
        if self._reader(tenant, kind) is None:
            return naming.sources_of(self._inner, kind, tenant=tenant)
        return {target.source_id for target in naming.read_targets(self, kind, None, tenant)}

    def tables_of(self, kind: str, source_id: str, *, tenant: str) -> naming.TableNames:
        """Return the tables of a source of which there is a record of the kind that may be seen, those that were removed among them."""
        if self._reader(tenant, kind) is None:
            return naming.tables_of(self._inner, kind, source_id, tenant=tenant)
        return naming.tables_among(naming.read_targets(self, kind, Within(source_id), tenant))

    def check_following(self, tenant: str, kinds: Sequence[str] | None) -> None:
        """Refuse what :meth:`tail` would; for those who begin to answer before they read. Raises :class:`NotAllowed`."""
        self._follower(tenant, kinds)

    def close(self) -> None:
        """Nothing to release: the inner repository belongs to somebody else."""

    def _count(self, tenants: Sequence[str], results: Sequence[Stored | Rejection]) -> None:
        if self._tally is not None:
            self._tally.add(tenants, results)

    def _all_granted(self, records: list[MetadataRecord]) -> list[MetadataRecord]:
        for index, record in enumerate(records):
            refusal = self._writes.of(record)
            if refusal is not None:
                raise at_index(refusal, index) from refusal
        return records

    def _reader(self, tenant: str, kind: str) -> Sees | None:
        """Return what tells which records of a kind may be seen, ``None`` for all of them; raises :class:`NotAllowed` for none."""
        patterns = self._principal.namespaces(Action.READ, tenant, kind)
        if any(is_everything(pattern) for pattern in patterns):
            return None
        if not patterns:
            raise not_allowed(self._principal, Action.READ, tenant, [kind])
        return lambda record: any(matches(pattern, record.context.namespace or "") for pattern in patterns)

    def _follower(self, tenant: str, kinds: Sequence[str] | None) -> Sees | None:
        """Return the same for a tail. Without ``kinds``, all that may be seen are meant; each one that is named must be granted."""
        if kinds is not None:
            readers = {kind: self._reader(tenant, kind) for kind in kinds}
            if not any(readers.values()):
                return None
            return lambda record: (sees := readers[record.kind]) is None or sees(record)
        if self._principal.may_all(Action.READ, tenant):
            return None
        if not self._principal.may_some(Action.READ, tenant):
            raise not_allowed(self._principal, Action.READ, tenant)
        return lambda record: self._principal.may(Action.READ, tenant, record.context.namespace, record.kind)

    def _last_seen(
        self, target: MetadataTarget, kind: str, sees: Sees, producer_id: str | None, tenant: str, as_of: datetime | None
    ) -> StoredRecord | None:
        """Find the last record that may be seen where the last one of all may not."""
        moment = None if as_of is None else as_utc(as_of, "as_of")
        until = None if moment is None or moment == _END_OF_TIME else moment + _TICK

        def read(after: str | None, most: int) -> QueryPage:
            return self._inner.query(
                kind, targets=[target], producer_id=producer_id, tenant=tenant, until=until, order="desc", limit=most, cursor=after
            )

        page = _seen_page(read, sees, limit=1, step=self._step(1), cursor=None)
        return page.records[0] if page.records else None

    def _step(self, limit: int) -> int:
        return min(max(limit + 1, self._step_records), MAX_LIMIT)

    def _is_seen(self, offset: int, kind: str, tenant: str, sees: Sees) -> bool:
        page = self._inner.tail(max(offset - 1, 0), kinds=[kind], tenant=tenant, limit=1)
        return bool(page.records) and page.records[0].offset == offset and sees(page.records[0].record)


def not_allowed(principal: Principal, action: Action, tenant: str, kinds: Sequence[str] = ()) -> NotAllowed:
    """Say what was asked for and is not granted, in the words of the question alone."""
    what = ", ".join(kinds) or "anything"
    return NotAllowed(
        f"{principal} may not {action.value} {what} of the tenant {tenant}",
        why="no grant says so",
        fix="Correct the tenant or kind, or ask an admin for a token that may",
        field="kind" if principal.may_some(action, tenant) and kinds else "tenant",
    )


def _seen_page(read: Callable[[str | None, int], QueryPage], sees: Sees, *, limit: int, step: int, cursor: str | None) -> QueryPage:
    """Cut a page of what may be seen. It looks one record ahead, so that no cursor promises what is not to be had."""
    found: list[StoredRecord] = []
    while len(found) <= limit:
        page = read(cursor, step)
        found.extend(item for item in page.records if sees(item.record))
        cursor = page.next_cursor
        if cursor is None:
            break
    shown = found[:limit]
    return QueryPage(shown, format_cursor(shown[-1]) if len(found) > limit else None)
