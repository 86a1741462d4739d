"""Whose records a request may read and store: decided here and nowhere else.

Every request reads one tenant: the one it names, else the server's own. A record says itself whose it is. Both must be served here:
``TENANT``, and what ``TENANTS`` adds to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends

from factbook.api.parameters import House, TenantName
from factbook.api.problems import NotAllowed
from factbook.errors import InvalidRecord
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import decode_record
from factbook_sdk.repository.contract import BulkReport, Rejection, Stored
from factbook_sdk.repository.intake import split_documents, store_document
from factbook_sdk.repository.paging import at_index

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.settings import Settings

ALL = "*"


def serves(settings: Settings, tenant: str) -> bool:
    """Return whether requests may name this tenant."""
    return tenant == settings.tenant or ALL in settings.tenants or tenant in settings.tenants


def tenant_for(settings: Settings, tenant: str | None) -> str:
    """Return the tenant a request reads; raises :class:`NotAllowed` for one that is not served here."""
    if tenant is None or serves(settings, tenant):
        return settings.tenant if tenant is None else tenant
    raise NotAllowed(
        f"Records of the tenant {tenant} are not served here",
        why="the server's settings do not name it",
        fix="Leave tenant out, correct it, or add it to TENANTS on the server",
        field="tenant",
    )


def _read_tenant(house: House, tenant: TenantName = None) -> str:
    return tenant_for(house.settings, tenant)


Tenant = Annotated[str, Depends(_read_tenant)]
"""The tenant whose records the request reads."""


def store_body(factbook: Factbook, body: bytes, *, atomic: bool) -> BulkReport:
    """Store the records of a body; with ``atomic`` all or none. Where several tenants are served, one body may mix theirs."""
    settings = factbook.settings
    if settings.tenants <= {settings.tenant}:
        return store_document(factbook.repository, body, tenant=settings.tenant, atomic=atomic)
    results: dict[int, Stored | Rejection] = {}
    records: dict[int, MetadataRecord] = {}
    documents = split_documents(body)
    if not documents:
        raise InvalidRecord("There is no record in it", fix="Send a JSON object, a JSON list or NDJSON")
    for index, document in enumerate(documents):
        try:
            records[index] = _served(settings, decode_record(document))
        except InvalidRecord as error:
            if atomic:
                raise at_index(error, index) from error
            results[index] = Rejection(index, str(error), error.field)
    if len(documents) == len(records) == 1:
        # Alone it may share its commit with others that come at the same time.
        return store_document(factbook.repository, body, tenant=records[0].context.tenant, atomic=atomic)
    report = factbook.repository.bulk_store(records.values(), atomic=atomic)
    for index, result in zip(records, report.results, strict=True):
        results[index] = Rejection(index, result.reason, result.field) if isinstance(result, Rejection) else result
    return BulkReport([results[index] for index in range(len(documents))])


def _served(settings: Settings, record: MetadataRecord) -> MetadataRecord:
    if serves(settings, record.context.tenant):
        return record
    raise InvalidRecord(
        "The record belongs to a tenant that is not served here",
        why=f"it is {record.context.tenant}",
        fix="Correct context.tenant, or add it to TENANTS on the server",
        field="context.tenant",
    )
