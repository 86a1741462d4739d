"""The door of every repository: what a record must be to enter, and the bytes and digests it enters with."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts.codec import canonical_json, canonical_record, digest, encode_payload
from factbook_sdk.facts.record import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.registry import Category, Kind, Origin

DEFAULT_MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
"""A table of 10,000 columns with comments fits; a data file does not."""

UNVERIFIED = "unverified"
"""The key in ``quality`` that marks a record of a kind nobody has registered. It is ours: admission sets it and takes it away."""

_MAX_ANNOTATION_BYTES = 256 * 1024


class Kinds(Protocol):
    """What admission asks about kinds. :class:`~factbook_sdk.facts.registry.KindRegistry` is the simplest answer."""

    def check_payload(self, record: MetadataRecord) -> Kind:
        """Refuse a record whose kind or version is unknown or whose payload breaks the schema; return its kind."""


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A record that passed, with its canonical ``body``, its 16-byte ``id`` and, for states, its payload's digest.

    ``state_digest`` is ``None`` for events and for tombstones. An unverified record has one: its kind may turn out to be a state, and
    then this record is one of its earlier states.
    """

    record: MetadataRecord
    id: bytes
    body: bytes
    is_state: bool
    state_digest: bytes | None


class Admission:
    """Check records against the rules and the kinds. One instance serves one repository; it holds no state."""

    def __init__(self, kinds: Kinds, *, max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES) -> None:
        self.kinds = kinds
        self.max_payload_bytes = max_payload_bytes

    def admit(self, record: MetadataRecord) -> Admitted:
        """Return the admitted record or raise :class:`InvalidRecord` naming the field that is wrong."""
        if not isinstance(record, MetadataRecord):
            raise InvalidRecord("That is no MetadataRecord", why=f"it is a {type(record).__name__}")
        self._check_parts(record)
        payload = record.payload
        payload_bytes = encode_payload(payload)
        kind = self.kinds.check_payload(record)
        if len(payload_bytes) > self.max_payload_bytes:
            raise InvalidRecord(
                f"payload has {len(payload_bytes):,} bytes",
                why=f"at most {self.max_payload_bytes:,} are taken",
                fix="Split the fact, keep the bulk elsewhere, or raise FACTBOOK_MAX_PAYLOAD_BYTES",
                field="payload",
            )
        if record.extras or record.quality or record.target.extras or record.context.extras:
            self._check_annotations(record)
        if record.quality and UNVERIFIED in record.quality:
            record = _without_mark(record)
        body = canonical_record(record, payload_bytes)
        if kind.origin is Origin.UNVERIFIED:
            return _unverified(record, digest(body), payload_bytes)
        is_state = kind.category is Category.STATE
        return Admitted(
            record=record,
            id=digest(body),
            body=body,
            is_state=is_state,
            state_digest=digest(payload_bytes) if is_state and payload is not None else None,
        )

    @staticmethod
    def _check_parts(record: MetadataRecord) -> None:
        """Refuse what Python lets through: a struct made in the program is not checked for types as a decoded one is."""
        for field, value, expected in (
            ("target", record.target, MetadataTarget),
            ("context", record.context, MetadataContext),
            ("producer_id", record.producer_id, str),
        ):
            if not isinstance(value, expected):
                raise InvalidRecord(f"{field} is a {type(value).__name__}", why=f"it must be a {expected.__name__}", field=field)
        if not isinstance(record.context.tenant, str):
            raise InvalidRecord("context.tenant is missing", fix="Leave it out, or name the tenant", field="context.tenant")

    @staticmethod
    def _check_annotations(record: MetadataRecord) -> None:
        for field, value in (
            ("extras", record.extras),
            ("quality", record.quality),
            ("target.extras", record.target.extras),
            ("context.extras", record.context.extras),
        ):
            if not isinstance(value, dict):
                raise InvalidRecord(f"{field} is no object", why=f"it is a {type(value).__name__}", field=field)
            if value and len(encode_payload(value, field)) > _MAX_ANNOTATION_BYTES:
                raise InvalidRecord(
                    f"{field} is too large",
                    why=f"at most {_MAX_ANNOTATION_BYTES:,} bytes of JSON are taken",
                    fix="Put what consumers need into the payload",
                    field=field,
                )


def _without_mark(record: MetadataRecord) -> MetadataRecord:
    return msgspec.structs.replace(record, quality={name: value for name, value in record.quality.items() if name != UNVERIFIED})


def _unverified(record: MetadataRecord, content_id: bytes, payload: bytes) -> Admitted:
    """Mark a record. The id is that of the record without the mark, so that one sent again once its kind is registered is a duplicate."""
    marked = msgspec.structs.replace(record, quality={**record.quality, UNVERIFIED: True})
    state_digest = None if record.payload is None else digest(payload)
    return Admitted(marked, content_id, canonical_record(marked, payload), False, state_digest)


def record_id(record: MetadataRecord) -> str:
    """Return the content id of a record: 32 hex digits of the BLAKE2b-128 of its canonical JSON, a mark as unverified left out."""
    if UNVERIFIED in record.quality:
        record = _without_mark(record)
    return digest(canonical_record(record, encode_payload(record.payload))).hex()


def target_key(tenant: str, target: MetadataTarget) -> bytes:
    """Return 16 bytes that identify a target within a tenant, whatever characters its names hold."""
    parts: list[Any] = [tenant, target.source_id, target.schema, target.table, target.extras or None]
    return digest(canonical_json(parts))
