"""The statements as they are now: a view of the log to look them up in, one row per statement in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    select,
)

from factbook.database.log_tables import records as log_records
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook.repository.voices import KIND
from factbook_sdk.facts import MetadataRecord, target_key
from factbook_sdk.facts.kinds.annotation import Annotation, Note, Rejection
from factbook_sdk.facts.precedence import value_key
from factbook_sdk.repository.contract import StoredRecord

METADATA = MetaData()

streams = Table(
    "note_streams",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("stream", LargeBinary, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("table_name", Text, nullable=False),
)
"""One author on one target, with the record in force, closed ones too. A schema or table that is none is the empty text."""

notes = Table(
    "notes",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("stream", LargeBinary, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("author_type", Text, nullable=False),
    Column("property", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("value_digest", LargeBinary, nullable=False),
    Column("words", Text, nullable=False),
    Column("confidence", Float),
    Column("is_rejection", Boolean, nullable=False),
    Column("of_author", Text, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("record_id", Text, nullable=False),
    Index("ix_notes_value", "tenant", "property", "value_digest"),
    Index("ix_notes_place", "tenant", "source_id", "schema_name", "table_name"),
)
"""``value`` is JSON, ``words`` what is searched for text: the value and name in lower case. ``of_author`` narrows a rejection."""

_ORDER = ("source_id", "schema_name", "table_name")
Index("ix_note_streams_place", streams.c.tenant, *(streams.c[name] for name in _ORDER))


class NotesProjection(Projection):
    """One row per note and rejection in force; what is about a part of a table (a partition) is left out."""

    name = "notes"
    version = 1
    kinds = frozenset({KIND})
    tables = (streams, notes)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        newest: dict[tuple[str, bytes], StoredRecord] = {}
        for item in records:
            if item.record.target.extras:
                continue
            key = item.record.context.tenant, stream_of(item.record)
            if key not in newest or _time(item) >= _time(newest[key]):
                newest[key] = item
        for (tenant, stream), item in newest.items():
            mine = (streams.c.tenant == tenant, streams.c.stream == stream)
            known = connection.execute(select(streams.c.produced_at, streams.c.offset).where(*mine)).first()
            if known is not None and tuple(known) > _time(item):
                continue
            connection.execute(delete(streams).where(*mine))
            connection.execute(delete(notes).where(notes.c.tenant == tenant, notes.c.stream == stream))
            connection.execute(insert(streams).values(**_stream_row(tenant, stream, item)))
            rows = list(_rows(tenant, stream, item))
            if rows:
                connection.execute(insert(notes), rows)

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        if kind not in self.kinds:
            return
        kept = select(log_records.c.offset).where(log_records.c.offset == streams.c.offset).exists()
        gone = select(streams.c.stream).where(streams.c.tenant == tenant, ~kept)
        connection.execute(delete(notes).where(notes.c.tenant == tenant, notes.c.stream.in_(gone)))
        connection.execute(delete(streams).where(streams.c.tenant == tenant, ~kept))


def stream_of(record: MetadataRecord) -> bytes:
    """Return what names an author's state on a target."""
    key = target_key(record.context.tenant, record.target) + b"\x00" + record.producer_id.encode()
    return blake2b(key, digest_size=16).digest()


def digest(value: Any) -> bytes:
    """Return what values that say the same have in common, however long they are."""
    return blake2b(value_key(value), digest_size=8).digest()


def _time(item: StoredRecord) -> tuple[int, int]:
    return microseconds(item.record.produced_at), item.offset


def _place(item: StoredRecord) -> dict[str, str]:
    target = item.record.target
    return {"source_id": target.source_id, "schema_name": target.schema or "", "table_name": target.table or ""}


def _stream_row(tenant: str, stream: bytes, item: StoredRecord) -> dict[str, Any]:
    produced_at, offset = _time(item)
    return {"tenant": tenant, "stream": stream, "offset": offset, "produced_at": produced_at, **_place(item)}


def _rows(tenant: str, stream: bytes, item: StoredRecord) -> Iterator[dict[str, Any]]:
    if item.record.payload is None:
        return
    said = msgspec.convert(item.record.payload, Annotation)
    statements: list[Note | Rejection] = [*said.notes, *(said.rejections if said.author_type == "person" else ())]
    for number, note in enumerate(statements):
        yield {
            "tenant": tenant,
            "stream": stream,
            "number": number,
            **_place(item),
            "column_name": _clean(note.column),
            "author": item.record.producer_id,
            "author_type": said.author_type,
            "property": note.property,
            "name": _clean(note.name),
            "value": msgspec.json.encode(note.value, order="sorted").decode(),
            "value_digest": digest(note.value),
            "words": _words(note),
            "confidence": note.confidence if isinstance(note, Note) else None,
            "is_rejection": isinstance(note, Rejection),
            "of_author": _clean(note.author) if isinstance(note, Rejection) else "",
            "produced_at": microseconds(item.record.produced_at),
            "record_id": item.id,
        }


def _words(note: Note | Rejection) -> str:
    text = note.value if isinstance(note.value, str) else msgspec.json.encode(note.value).decode()
    return _clean(f"{note.name or ''}\n{text}".casefold())


def _clean(text: str | None) -> str:
    """Return a text as PostgreSQL can store it: whoever writes records may put a NUL into one."""
    return (text or "").replace("\x00", "")
