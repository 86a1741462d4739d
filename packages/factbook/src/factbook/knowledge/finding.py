"""Whether a place is there: as the last scan found it, or as products and terms are declared."""

from __future__ import annotations

from datetime import datetime

from factbook.errors import NotFound
from factbook.knowledge.places import Place
from factbook.repository.naming import sources_of, tables_of
from factbook_sdk.facts.kinds.data_product import PRODUCTS
from factbook_sdk.facts.kinds.glossary_term import GLOSSARY
from factbook_sdk.repository.contract import MetadataRepository

_DECLARED = {PRODUCTS: "data_product", GLOSSARY: "glossary_term"}
"""The kind that declares what stands under a source that no database is."""

READS = ("annotation", "data_product", "glossary_term", "schema_snapshot")
"""The kinds that are read to show what is known."""


def is_there(repository: MetadataRepository, place: Place, *, tenant: str, as_of: datetime | None = None) -> bool:
    """Return whether a place is there."""
    if place.table is None:
        return _has_tables(repository, place, tenant)
    kind = _DECLARED.get(place.source_id, "schema_snapshot")
    found = repository.latest(place.target, kind, tenant=tenant, as_of=as_of)
    if found is None or found.record.payload is None:
        return False
    if place.column is None or kind != "schema_snapshot":
        return place.column is None or kind == "data_product"
    return any(column["name"] == place.column for column in found.record.payload["columns"])


def check_there(repository: MetadataRepository, place: Place, *, tenant: str) -> None:
    """Refuse to say something of what is not there; raises :class:`NotFound`."""
    if not is_there(repository, place, tenant=tenant):
        raise NotFound(f"There is no {place}", why=_why(place), fix="Correct the name, or scan the source first", field="place")


def declaring_kind(source_id: str) -> str | None:
    """Return the kind that declares what stands under a source id that is no database's."""
    return _DECLARED.get(source_id)


def _has_tables(repository: MetadataRepository, place: Place, tenant: str) -> bool:
    if place.source_id in _DECLARED:
        return place.schema is None
    if place.schema is None:
        return place.source_id in sources_of(repository, "schema_snapshot", tenant=tenant)
    return any(schema == place.schema for schema, _ in tables_of(repository, "schema_snapshot", place.source_id, tenant=tenant))


def _why(place: Place) -> str:
    kind = _DECLARED.get(place.source_id)
    return f"no {kind} declares it" if kind else "no scan has found it"
