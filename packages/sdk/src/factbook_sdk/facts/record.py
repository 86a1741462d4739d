"""The metadata record: one fact about one target, said by one producer at one moment.

The structs are closed to the garbage collector (``gc=False``): JSON values hold no circles, and looking for them in every record of a
large bulk took a tenth of its time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from factbook_sdk.errors import InvalidRecord

DEFAULT_TENANT = "default"
MAX_NAME_LENGTH = 512
"""Characters in any name that identifies something: source, schema, table, kind, producer, tenant, run."""

_CONTEXT_NAMES = ("job_id", "run_id", "namespace", "cluster", "workspace", "environment")


def check_name(value: str | None, field: str) -> None:
    """Refuse an identifying name that is empty, over-long, or holds NUL or a lone surrogate.

    Other characters are allowed: databases let people name a table almost anything.
    """
    if value is None:
        return
    if not value:
        raise InvalidRecord(f"{field} is empty", fix="Leave it out or give it a name", field=field)
    if len(value) > MAX_NAME_LENGTH:
        raise InvalidRecord(
            f"{field} has {len(value)} characters",
            why=f"a name may have at most {MAX_NAME_LENGTH}",
            fix="Shorten it",
            field=field,
        )
    if not value.isprintable() and ("\x00" in value or any("\ud800" <= char <= "\udfff" for char in value)):
        raise InvalidRecord(
            f"{field} holds a NUL or a lone surrogate",
            why="such a name can be stored neither as UTF-8 nor in PostgreSQL",
            fix="Send the name as the source shows it",
            field=field,
        )


class MetadataTarget(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What a fact is about: a source, one of its schemas, or one of its tables.

    ``extras`` narrows the target further (a column, a partition); two targets are the same only if extras are equal.
    """

    source_id: str
    schema: str | None = None
    table: str | None = None
    extras: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.source_id is None:
            raise InvalidRecord("target.source_id is missing", fix="Name the source", field="target.source_id")
        check_name(self.source_id, "target.source_id")
        if self.schema is not None:
            check_name(self.schema, "target.schema")
        if self.table is not None:
            check_name(self.table, "target.table")

    def __hash__(self) -> int:
        return hash((self.source_id, self.schema, self.table))

    def __str__(self) -> str:
        return ".".join(part for part in (self.source_id, self.schema, self.table) if part is not None)


class MetadataContext(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Under which job, run and environment a fact was learnt. ``tenant`` separates one owner's facts from another's."""

    job_id: str | None = None
    run_id: str | None = None
    namespace: str | None = None
    tenant: str = DEFAULT_TENANT
    cluster: str | None = None
    workspace: str | None = None
    environment: str | None = None
    extras: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.tenant is not DEFAULT_TENANT:
            check_name(self.tenant, "context.tenant")
        for field in _CONTEXT_NAMES:
            value = getattr(self, field)
            if value is not None:
                check_name(value, f"context.{field}")


class MetadataRecord(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One fact. ``payload`` follows version ``version`` of the JSON Schema of ``kind``; ``None`` closes a state.

    ``produced_at`` is when the fact became true, aware, kept in UTC with microseconds. ``quality`` and ``extras`` are
    annotations: they are kept and count for identity, but two states that differ only there are the same state.
    """

    target: MetadataTarget
    kind: str
    payload: dict[str, Any] | None
    produced_at: datetime
    producer_id: str
    context: MetadataContext = MetadataContext()
    version: int = 1
    quality: dict[str, Any] = {}
    extras: dict[str, Any] = {}

    def __post_init__(self) -> None:
        check_name(self.kind, "kind")
        check_name(self.producer_id, "producer_id")
        msgspec.structs.force_setattr(self, "produced_at", as_utc(self.produced_at, "produced_at"))

    @property
    def is_tombstone(self) -> bool:
        """Whether this record closes a state instead of stating one."""
        return self.payload is None


def as_utc(moment: datetime, field: str) -> datetime:
    """Return ``moment`` in UTC; a naive one is refused because nobody can know which moment it means."""
    if not isinstance(moment, datetime):
        raise InvalidRecord(f"{field} is no datetime", why=f"it is {type(moment).__name__}", field=field)
    if moment.tzinfo is None:
        raise InvalidRecord(
            f"{field} is a naive datetime",
            why="without a time zone nobody can know which moment it means",
            fix="Give it one, for example 2026-01-31T12:00:00Z or datetime.now(UTC)",
            field=field,
        )
    try:
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidRecord(f"{field} lies outside the years 1 to 9999 in UTC", field=field) from error
