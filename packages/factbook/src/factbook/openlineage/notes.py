"""What a producer says of a dataset or job in words: documentation, owners, tags, descriptions of columns."""

from __future__ import annotations

from collections.abc import Iterator

from factbook.openlineage.model import Facets, entries, is_deleted, text_of
from factbook.openlineage.naming import bounded
from factbook_sdk.facts.kinds.annotation import Annotation, Note

SAYING = ("documentation", "ownership", "schema", "tags")
"""The facets that say something in words, and that are streams of their own: an event without one takes nothing back."""

DESCRIBING = ("catalog", "dataSource", "datasetType", "hierarchy", "schema", "storage")
"""The facets that say what a dataset is, and seldom change."""


def annotations_of(facets: Facets) -> Iterator[tuple[str, Annotation | None]]:
    """Yield the annotation of each facet that says something, ``None`` where it is taken back; nothing for a facet that is not there."""
    for name in SAYING:
        facet = facets.get(name)
        if facet is None:
            continue
        if is_deleted(facet):
            yield name, None
            continue
        notes = list(_NOTES[name](facets))
        if notes or name != "schema":
            yield name, Annotation("rule", notes)


def _documentation(facets: Facets) -> Iterator[Note]:
    description = text_of(facets["documentation"].get("description"))
    if description is not None:
        yield Note("description", description)


def _owners(facets: Facets) -> Iterator[Note]:
    for entry in entries(facets.get("ownership"), "owners"):
        name, role = text_of(entry.get("name")), text_of(entry.get("type"))
        if name is not None:
            is_steward = role is not None and "steward" in role.lower()
            yield Note("steward" if is_steward else "owner", name, name=None if role is None else bounded(role))


def _columns(facets: Facets) -> Iterator[Note]:
    for entry in entries(facets.get("schema"), "fields"):
        column, description = text_of(entry.get("name")), text_of(entry.get("description"))
        if column is not None and description is not None:
            yield Note("description", description, column=bounded(column))


def _tags(facets: Facets) -> Iterator[Note]:
    for entry in entries(facets.get("tags"), "tags"):
        key, value, column = text_of(entry.get("key")), text_of(entry.get("value")), text_of(entry.get("field"))
        if key is not None:
            # A tag that is only set has the value "true" there.
            said = key if value is None or value == "true" else f"{key}: {value}"
            yield Note("tag", said, column=None if column is None else bounded(column), name=bounded(key))


_NOTES = {"documentation": _documentation, "ownership": _owners, "schema": _columns, "tags": _tags}
