"""``kind_definition``: a kind that a tenant has registered, whole. Target: ``factbook``, the kind's name as the table.

It is written by registering a kind and not by storing a record of it, so that nothing goes round the rules of compatibility.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factbook_sdk.facts.compatibility import Compatibility
from factbook_sdk.facts.parts import Moment, Name
from factbook_sdk.facts.registry import Category, Deprecation, Kind, Origin, load_schemas

KIND = Kind(
    name="kind_definition",
    category=Category.STATE,
    description="A registered kind: its category, schemas by version, compatibility, indexed paths, deprecations.",
    schemas=load_schemas(__package__, "kind_definition"),
    compatibility=Compatibility.FULL,
)


class DeprecationNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Since when something should no longer be used, why, what to use instead, and when its records begin to be refused."""

    since: Moment
    reason: Name
    successor: Name | None = None
    retires_at: Moment | None = None


class KindVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version with its JSON Schema (draft 2020-12)."""

    version: Annotated[int, Meta(ge=1)]
    schema: dict[str, Any]
    deprecated: DeprecationNote | None = None


class KindDefinition(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``compatibility`` is what the next version owes the last one."""

    name: Name
    category: Category
    description: Name
    versions: list[KindVersion]
    compatibility: Compatibility = Compatibility.BACKWARD
    indexed: list[Name] = []
    deprecated: DeprecationNote | None = None

    @classmethod
    def of(cls, kind: Kind) -> KindDefinition:
        """Return what is recorded of a kind."""
        versions = [
            KindVersion(version, kind.schemas[version], _note(kind.deprecated_versions.get(version))) for version in sorted(kind.schemas)
        ]
        return cls(kind.name, kind.category, kind.description, versions, kind.compatibility, list(kind.indexed), _note(kind.deprecated))

    def kind(self) -> Kind:
        """Return the kind that is recorded."""
        return Kind(
            self.name,
            self.category,
            self.description,
            {item.version: item.schema for item in self.versions},
            self.compatibility,
            tuple(self.indexed),
            _deprecation(self.deprecated),
            {item.version: found for item in self.versions if (found := _deprecation(item.deprecated))},
            Origin.REGISTERED,
        )


def _note(deprecation: Deprecation | None) -> DeprecationNote | None:
    return None if deprecation is None else msgspec.convert(deprecation, DeprecationNote, from_attributes=True)


def _deprecation(note: DeprecationNote | None) -> Deprecation | None:
    return None if note is None else Deprecation(note.since, note.reason, note.successor, note.retires_at)
