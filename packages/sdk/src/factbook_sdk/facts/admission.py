"""The door of every repository: what a record must be to enter, and the bytes and digests it enters with."""

from __future__ import annotations

from typing import Any

import msgspec

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts.codec import canonical_json, canonical_record, digest, encode_payload
from factbook_sdk.facts.record import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.registry import Category, KindRegistry

DEFAULT_MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
"""A table of 10,000 columns with comments fits; a data file does not."""

_MAX_ANNOTATION_BYTES = 256 * 1024


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A record that passed, with its canonical ``body``, its 16-byte ``id`` and, for states, its payload's digest.

    ``state_digest`` is ``None`` for events and for tombstones.
    """

    record: MetadataRecord
    id: bytes
    body: bytes
    is_state: bool
    state_digest: bytes | None


class Admission:
    """Check records against the rules and the kinds. One instance serves one repository; it holds no state."""

    def __init__(self, kinds: KindRegistry, *, max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES) -> None:
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
        body = canonical_record(record, payload_bytes)
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


def record_id(record: MetadataRecord) -> str:
    """Return the content id of a record: 32 hex digits of the BLAKE2b-128 of its canonical JSON."""
    return digest(canonical_record(record, encode_payload(record.payload))).hex()


def target_key(tenant: str, target: MetadataTarget) -> bytes:
    """Return 16 bytes that identify a target within a tenant, whatever characters its names hold."""
    parts: list[Any] = [tenant, target.source_id, target.schema, target.table, target.extras or None]
    return digest(canonical_json(parts))
