"""The repository on the other side of HTTP: the same six verbs, answered by a running Factbook service.

Every call may be repeated, because records are known by their content. While the service is away, calls try again for
``patience_seconds``; a record that was stored although its answer got lost is then answered ``duplicate``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec

from factbook_sdk.errors import InvalidRecord, NotFound
from factbook_sdk.facts import DEFAULT_TENANT, MetadataRecord, MetadataTarget
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository import failures
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
from factbook_sdk.repository.paging import at_index
from factbook_sdk.repository.retrying import retrying
from factbook_sdk.repository.sending import Sender
from factbook_sdk.repository.transport import DEFAULT_TIMEOUT_SECONDS, JSON, Transport
from factbook_sdk.repository.wire import RecordsPage, encode_record

_BATCH_RECORDS = 5_000
_BATCH_BYTES = 4 * 1024 * 1024

T = TypeVar("T")


class RemoteRepository(MetadataRepository):
    """Ask a service for everything; nothing is kept here. What a record must be, beyond JSON, is for the service to say.

    ``token`` is the service's API key or a token of its making. ``tenant`` is what the default tenant is called over there: records
    that name no tenant are stored as its, and reads that name none see its. ``compress`` packs large bodies, for slow networks.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        tenant: str = DEFAULT_TENANT,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        patience_seconds: float = 10.0,
        compress: bool = False,
    ) -> None:
        self._transport = Transport(url, token=token, timeout_seconds=timeout_seconds)
        self._tenant = tenant
        self._patience_seconds = patience_seconds
        self._compress = compress
        self._sender = Sender(self._transport, pack=compress, call=self._patiently)

    def __repr__(self) -> str:
        return f"RemoteRepository({self._transport.url!r})"

    def store(self, record: MetadataRecord) -> Stored:
        return self._sender.send_one(self._encode(record))

    def bulk_store(self, records: Iterable[MetadataRecord], *, atomic: bool = False) -> BulkReport:
        """Store many, as the contract says. All or none travel in one request, others in as many as it takes."""
        if atomic:
            lines = [self._encode_at(index, record) for index, record in enumerate(records)]
            return BulkReport(self._sender.send_all_or_none(lines) if lines else [])
        results: list[Stored | Rejection] = []
        batch: dict[int, bytes] = {}
        size = 0
        for index, record in enumerate(records):
            # Every record has its place; the service's answer takes it later.
            results.append(Rejection(index, ""))
            try:
                line = self._encode(record)
            except InvalidRecord as error:
                results[index] = Rejection(index, str(error), error.field)
                continue
            if len(batch) >= _BATCH_RECORDS or size + len(line) > _BATCH_BYTES:
                self._send_batch(batch, results)
                batch, size = {}, 0
            batch[index] = line
            size += len(line)
        self._send_batch(batch, results)
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
        asked = self._about(target, kind, tenant, producer_id=producer_id, as_of=as_of)
        try:
            return self._get("/records/latest", asked, StoredRecord)
        except NotFound:
            return None

    def latest_many(
        self,
        targets: Targets,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> Mapping[MetadataTarget, StoredRecord]:
        asked = {"kind": kind, "producer_id": producer_id, "tenant": self._named(tenant), "as_of": _utc(as_of, "as_of"), "limit": MAX_LIMIT}
        found: dict[MetadataTarget, StoredRecord] = {}
        for part in _parts(targets):
            cursor: str | None = None
            while True:
                page = self._ask("/records/latest", asked | _picked(part) | {"cursor": cursor})
                found.update((item.record.target, item) for item in page.items)
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found

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
        asked = self._about(target, kind, tenant, producer_id=producer_id, since=since, until=until)
        asked |= _given(limit=check_limit(limit), after_offset=after_offset)
        return self._get("/records/history", asked, RecordsPage).items

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
        asked = {
            "kind": kind,
            "where": list(where),
            "producer_id": producer_id,
            "tenant": self._named(tenant),
            "since": _utc(since, "since"),
            "until": _utc(until, "until"),
            "order": order,
            "limit": check_limit(limit),
            "cursor": cursor,
        }
        page = self._ask("/records/query", asked | ({} if targets is None else _picked(targets)))
        return QueryPage(page.items, page.next_cursor)

    def tail(
        self,
        after_offset: int = 0,
        *,
        kinds: Sequence[str] | None = None,
        tenant: str = DEFAULT_TENANT,
        limit: int = DEFAULT_LIMIT,
        wait_seconds: float = 0.0,
    ) -> TailPage:
        check_limit(limit)
        check_wait(wait_seconds)
        if kinds is not None and not kinds:
            # Nothing of no kind will ever come; a URL without a kind would ask for all of them.
            time.sleep(wait_seconds)
            return TailPage([], after_offset)
        asked = _given(after_offset=max(after_offset, 0), kind=kinds, tenant=self._named(tenant), limit=limit, wait_seconds=wait_seconds)
        page = self._get("/records/tail", asked, RecordsPage, wait_seconds=wait_seconds)
        return TailPage(page.items, max(page.next_after_offset or 0, after_offset))

    def close(self) -> None:
        self._transport.close()

    def _encode(self, record: MetadataRecord) -> bytes:
        return encode_record(record, self._tenant)

    def _encode_at(self, index: int, record: MetadataRecord) -> bytes:
        try:
            return self._encode(record)
        except InvalidRecord as error:
            raise at_index(error, index) from error

    def _send_batch(self, batch: Mapping[int, bytes], results: list[Stored | Rejection]) -> None:
        answered = self._sender.send(list(batch.values())) if batch else []
        for index, result in zip(batch, answered, strict=True):
            results[index] = msgspec.structs.replace(result, index=index) if isinstance(result, Rejection) else result

    def _get(self, path: str, asked: Mapping[str, Any], expected: type[T], *, wait_seconds: float = 0.0) -> T:
        answer = self._patiently(lambda: self._transport.get(path, asked, wait_seconds=wait_seconds))
        return self._read(lambda: msgspec.json.decode(answer, type=expected))

    def _ask(self, path: str, question: Mapping[str, Any]) -> RecordsPage:
        body = msgspec.json.encode(_given(**question))
        answer = self._patiently(lambda: self._transport.post(path, body, JSON, pack=self._compress))
        return self._read(lambda: msgspec.json.decode(answer, type=RecordsPage))

    def _patiently(self, call: Callable[[], bytes]) -> bytes:
        return retrying(call, patience_seconds=self._patience_seconds)

    def _read(self, decode: Callable[[], T]) -> T:
        try:
            return decode()
        except ValueError as error:
            raise failures.of_unreadable_answer(self._transport.url, error) from error

    def _about(self, target: MetadataTarget, kind: str, tenant: str, **given: Any) -> dict[str, Any]:
        """Return the parameters of a question about one target; a moment becomes text."""
        extras = msgspec.json.encode(target.extras).decode() if target.extras else None
        moments = {name: as_utc(value, name).isoformat() for name, value in given.items() if isinstance(value, datetime)}
        named = {"source_id": target.source_id, "schema": target.schema, "table": target.table, "target_extras": extras}
        return _given(**named, kind=kind, tenant=self._named(tenant), **(given | moments))

    def _named(self, tenant: str) -> str:
        return self._tenant if tenant == DEFAULT_TENANT else tenant


def _given(**values: Any) -> dict[str, Any]:
    """Leave out what was not given."""
    return {name: value for name, value in values.items() if value is not None}


def _utc(moment: datetime | None, field: str) -> datetime | None:
    return None if moment is None else as_utc(moment, field)


def _picked(targets: Targets) -> dict[str, Any]:
    return {"within": targets} if isinstance(targets, Within) else {"targets": list(targets)}


def _parts(targets: Targets) -> Iterator[Targets]:
    """Cut a long list of targets into what one question may hold."""
    if isinstance(targets, Within):
        yield targets
        return
    for start in range(0, len(targets), MAX_LIMIT):
        yield targets[start : start + MAX_LIMIT]
