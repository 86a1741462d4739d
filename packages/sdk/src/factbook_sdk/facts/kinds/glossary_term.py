"""``glossary_term``: what a word of the business means. Target: :func:`term_target` of its key, which is unique in a tenant.

The producer is the glossary itself, so that a term has one state whoever edits it; who did stands in ``extras.author`` of the record.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.record import MetadataTarget
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="glossary_term",
    category=Category.STATE,
    description="A word of the business: its definition, synonyms, domain, status and relations to other words.",
    schemas=load_schemas(__package__, "glossary_term"),
)

RelationType = Literal["broader", "narrower", "related", "synonym_of", "replaced_by"]
TermStatus = Literal["draft", "approved", "deprecated"]


class Relation(msgspec.Struct, frozen=True):
    """How the term stands to another one, which is named by its key: the other one is *broader* than this one …"""

    type: RelationType
    term: Name


class GlossaryTerm(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``owners`` answer for the definition."""

    name: Name
    definition: str | None = None
    status: TermStatus = "draft"
    domain: Name | None = None
    synonyms: list[Name] = []
    owners: list[Name] = []
    relations: list[Relation] = []


GLOSSARY = "glossary"
"""The source id that terms stand under; no database may be called so."""


def term_target(key: str) -> MetadataTarget:
    """Return the target of a term's facts, and of what is said of it."""
    return MetadataTarget(GLOSSARY, table=key)
