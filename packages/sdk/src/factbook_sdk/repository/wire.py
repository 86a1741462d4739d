"""What travels between a client and the service: records as canonical JSON lines, and the service's answers as structs."""

from __future__ import annotations

import sys
from typing import Literal

import msgspec

from factbook_sdk.facts import DEFAULT_TENANT, Admission, Category, Kind, MetadataRecord
from factbook_sdk.repository.contract import Outcome, Rejection, Stored, StoredRecord


class RecordsPage(msgspec.Struct, frozen=True):
    """A page of a list, whichever way it goes on."""

    items: list[StoredRecord]
    next_cursor: str | None = None
    next_after_offset: int | None = None


class RecordResult(msgspec.Struct, frozen=True):
    """What became of one record of a body."""

    outcome: Literal["stored", "duplicate", "unchanged", "rejected"]
    offset: int | None = None
    id: str = ""
    reason: str = ""
    field: str | None = None


class StoreReport(msgspec.Struct, frozen=True):
    """What became of the records of a body, in the order sent."""

    results: list[RecordResult]


class _KindsOfTheService:
    """Lets every kind pass: which there are and what they require is for the service to say."""

    def check_payload(self, record: MetadataRecord) -> Kind:
        return _ANY


_ANY = Kind("any", Category.EVENT, "", {})
_admission = Admission(_KindsOfTheService(), max_payload_bytes=sys.maxsize)
_report = msgspec.json.Decoder(StoreReport)


def encode_record(record: MetadataRecord, tenant: str = DEFAULT_TENANT) -> bytes:
    """Return a record's canonical JSON, one line; raises :class:`InvalidRecord` for what JSON cannot carry faithfully.

    A record that names no tenant is encoded as one of ``tenant``.
    """
    admitted = _admission.admit(record)
    if tenant == DEFAULT_TENANT or record.context.tenant != DEFAULT_TENANT:
        return admitted.body
    context = msgspec.structs.replace(record.context, tenant=tenant)
    return _admission.admit(msgspec.structs.replace(record, context=context)).body


def decode_results(body: bytes, sent: int) -> list[Stored | Rejection]:
    """Read the answer to ``sent`` records; raises ``ValueError`` (as msgspec's errors are) for an answer that is none."""
    results = _report.decode(body).results
    if len(results) != sent:
        raise ValueError(f"{sent} records were sent and {len(results)} answered")
    return [_result(index, result) for index, result in enumerate(results)]


def _result(index: int, result: RecordResult) -> Stored | Rejection:
    if result.outcome == "rejected":
        return Rejection(index, result.reason, result.field)
    return Stored(result.offset, Outcome(result.outcome), result.id)
