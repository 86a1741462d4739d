"""Records as documents: one JSON object, a JSON list, or NDJSON. A bad record is refused with its place; the others are stored."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence

import msgspec

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import decode_record
from factbook_sdk.repository.contract import BulkReport, MetadataRepository, Rejection, Stored
from factbook_sdk.repository.paging import at_index

_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


def split_documents(body: bytes) -> list[bytes]:
    """Return each record's JSON: the items of a list, the lines of NDJSON, or the one object there is."""
    text = body.strip()
    if text.startswith(b"["):
        try:
            return [bytes(item) for item in _raw_list.decode(text)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRecord("The list of records is no JSON", why=str(error), fix="Send NDJSON if it was made line by line") from error
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [line for line in text.splitlines() if line.strip()]
    return [text] if text else []


def only_record(body: bytes) -> MetadataRecord | None:
    """Return the one record that a document is, or ``None`` for any other document: :func:`store_document` tells what is wrong with it."""
    try:
        return decode_record(body)
    except InvalidRecord:
        return None


def store_document(
    repository: MetadataRepository,
    body: bytes,
    *,
    tenants: Container[str] | None = None,
    atomic: bool = False,
    warn: Callable[[set[tuple[str, str, int]]], list[str]] | None = None,
) -> BulkReport:
    """Store the records of a document, those that belong to ``tenants`` if some are named; with ``atomic`` all or none.

    ``warn`` says what is to be known about the kinds of the records that were taken, given their (tenant, kind, version).

    Raises :class:`InvalidRecord` for an empty document.
    """
    documents = split_documents(body)
    if not documents:
        raise InvalidRecord("There is no record in it", fix="Send a JSON object, a JSON list or NDJSON")
    refused: dict[int, Rejection] = {}
    records: list[MetadataRecord] = []
    places: list[int] = []
    for index, outcome in enumerate(_decoded(documents, tenants)):
        if isinstance(outcome, MetadataRecord):
            records.append(outcome)
            places.append(index)
        elif atomic:
            raise at_index(outcome, index) from outcome
        else:
            refused[index] = Rejection(index, str(outcome), outcome.field)
    results: dict[int, Stored | Rejection] = dict(refused)
    taken: set[tuple[str, str, int]] = set()
    for index, record, result in zip(places, records, _store(repository, records, atomic=atomic), strict=True):
        if isinstance(result, Rejection):
            results[index] = msgspec.structs.replace(result, index=index)
        else:
            results[index] = result
            taken.add((record.context.tenant, record.kind, record.version))
    return BulkReport([results[index] for index in range(len(documents))], warn(taken) if warn else [])


def _store(repository: MetadataRepository, records: list[MetadataRecord], *, atomic: bool) -> Sequence[Stored | Rejection]:
    """Store records as a bulk does, but a single one by ``store``, which may share its commit with others that come at the same time."""
    if len(records) != 1:
        return repository.bulk_store(records, atomic=atomic).results
    try:
        return [repository.store(records[0])]
    except InvalidRecord as error:
        if atomic:
            raise at_index(error, 0) from error
        return [Rejection(0, str(error), error.field)]


def _decoded(documents: list[bytes], tenants: Container[str] | None) -> Iterator[MetadataRecord | InvalidRecord]:
    for document in documents:
        try:
            record = decode_record(document)
        except InvalidRecord as error:
            yield error
            continue
        if tenants is None or record.context.tenant in tenants:
            yield record
        else:
            yield InvalidRecord(
                "The record belongs to another tenant",
                why=f"records of {record.context.tenant} are not taken here",
                fix="Correct context.tenant",
                field="context.tenant",
            )
