"""What was settled by people: ``name_binding`` facts, read as they are in force, made and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from factbook.errors import NotFound
from factbook.names.namespaces import space_of
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.name_binding import NameBinding
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord

PRODUCER_ID = "names.v1"
_PAGE = MAX_LIMIT // 10

Key = tuple[str, str | None]
"""The namespace in one form, and the dataset's name; ``None`` for the namespace as a whole."""


class Binding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name, or without one a namespace, and what it means: a source, a table, or nothing (``ignored``)."""

    namespace: str
    name: str | None = None
    source_id: str | None = None
    schema: str | None = None
    table: str | None = None
    ignored: bool = False
    reason: str | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None

    @property
    def key(self) -> Key:
        return space_of(self.namespace).key, self.name


def read_bindings(repository: MetadataRepository, *, tenant: str) -> dict[Key, Binding]:
    """Return the bindings in force. Of two for the same name the later one counts, whoever made it."""
    found: dict[Key, Binding] = {}
    for item in _read(repository, None, tenant):
        target, payload = item.record.target, item.record.payload
        key = space_of(target.source_id).key, target.table
        if payload is None:
            found.pop(key, None)
            continue
        said = msgspec.convert(payload, NameBinding)
        found[key] = Binding(
            target.source_id,
            target.table,
            said.source_id,
            said.schema,
            said.table,
            said.ignored,
            said.reason,
            item.record.produced_at,
            item.record.extras.get("by"),
        )
    return found


def store_binding(repository: MetadataRepository, binding: Binding, *, tenant: str, by: str | None) -> Binding:
    """Store a binding as of now; return it as it is kept."""
    target = MetadataTarget(binding.namespace, table=binding.name)
    payload = NameBinding(binding.source_id, binding.schema, binding.table, binding.ignored, binding.reason)
    extras = {"by": by} if by else {}
    now = datetime.now(UTC)
    repository.store(
        record_of(payload, target, producer_id=PRODUCER_ID, produced_at=now, context=MetadataContext(tenant=tenant), extras=extras)
    )
    return msgspec.structs.replace(binding, settled_at=now, settled_by=by)


def forget_binding(repository: MetadataRepository, namespace: str, name: str | None, *, tenant: str) -> None:
    """Take back what everybody settled of a name, however the namespace is written; raises :class:`NotFound` if nobody did."""
    key = space_of(namespace).key, name
    streams: dict[tuple[MetadataTarget, str], StoredRecord] = {}
    for item in _read(repository, None, tenant):
        target = item.record.target
        if (space_of(target.source_id).key, target.table) == key:
            streams[target, item.record.producer_id] = item
    standing = [place for place, item in streams.items() if item.record.payload is not None]
    if not standing:
        what = namespace if name is None else f"{namespace} {name}"
        raise NotFound(f"Nothing is settled of {what}", fix="factbook names list shows what is", field="name" if name else "namespace")
    context = MetadataContext(tenant=tenant)
    now = datetime.now(UTC)
    repository.bulk_store(
        [closing(NameBinding, target, producer_id=producer, produced_at=now, context=context) for target, producer in standing],
        atomic=True,
    )


def _read(repository: MetadataRepository, cursor: str | None, tenant: str) -> Iterator[StoredRecord]:
    """Yield every record of the kind by time. People write them: there are few."""
    while True:
        page = repository.query("name_binding", tenant=tenant, limit=_PAGE, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return
