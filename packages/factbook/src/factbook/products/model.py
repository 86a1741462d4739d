"""What is asked of the register of products, and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factbook_sdk.facts.kinds.data_product import Owner
from factbook_sdk.facts.record import MAX_NAME_LENGTH

Status = Literal["proposed", "draft", "active", "deprecated", "inactive", "retired"]
STATUSES: tuple[Status, ...] = ("proposed", "draft", "active", "deprecated", "inactive", "retired")
Level = Literal["major", "minor", "patch"]

MAX_ITEMS = 1_000
"""Tags, owners or ports of one product."""

Label = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00-\x1f/]+$")]
"""What stands in a path: a product, a domain, a port."""
Words = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Meta(max_length=65_536, pattern=r"^[^\x00]*$")]
Version = Annotated[str, Meta(min_length=5, max_length=200, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$")]
Tags = Annotated[list[Words], Meta(max_length=MAX_ITEMS)]
Owners = Annotated[list[Owner], Meta(max_length=MAX_ITEMS)]


class TablePlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scanned table or view by its parts, for names that hold dots."""

    source_id: Words
    table: Words
    schema: Words | None = None


class NewPort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port as it is given: ``table`` is ``source.schema.table``, or its parts."""

    name: Label
    table: Words | TablePlace
    contract_id: Words | None = None
    version: Words | None = None
    description: Text | None = None
    schema: dict[str, Any] = {}


Ports = Annotated[list[NewPort], Meta(max_length=MAX_ITEMS)]


class NewProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product to register. ``schema`` gives each field its type, or an object with ``type``; ``ports`` are the tables it gives out,
    ``inputs`` those it takes in. ``owner`` is the first of ``owners``."""

    name: Label
    domain: Label
    owner: Words
    description: Text = ""
    schema: dict[str, Any] = {}
    status: Status = "active"
    version: Version | None = None
    tags: Tags = []
    owners: Owners = []
    ports: Ports = []
    inputs: Ports = []
    tier: Words | None = None
    documentation: Words | None = None


class ProductUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays. Without ``version`` the product gets the next one that the change asks for."""

    domain: Label | UnsetType = UNSET
    owner: Words | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    version: Version | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    owners: Owners | UnsetType = UNSET
    ports: Ports | UnsetType = UNSET
    inputs: Ports | UnsetType = UNSET
    tier: Words | UnsetType | None = UNSET
    documentation: Words | UnsetType | None = UNSET


class PortList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ports a product gives out, in place of those it had."""

    ports: Ports


class ProductFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which products to list. ``text`` holds words that must all occur in names, descriptions, tags, owners or fields. ``contract``
    is the id of one that a port stands under."""

    domain: str | None = None
    status: str | None = None
    tag: str | None = None
    owner: str | None = None
    contract: str | None = None
    text: str | None = None


FacetName = Literal["domain", "status", "owner", "tag"]
FACETS: tuple[FacetName, ...] = ("domain", "status", "owner", "tag")


class Facet(msgspec.Struct, frozen=True):
    """How many products have each value, most products first; ``values`` counts those there are, also the ones that are not named."""

    counts: dict[str, int]
    values: int


class ProductFacets(msgspec.Struct, frozen=True):
    """What a list of products can be narrowed to. Each facet counts what all other choices leave."""

    domain: Facet
    status: Facet
    owner: Facet
    tag: Facet


class ProductPort(msgspec.Struct, frozen=True):
    """A port. ``table`` is ``source.schema.table``; the parts stand beside it."""

    name: str
    table: str
    source_id: str
    table_schema: str | None
    table_name: str
    contract_id: str | None = None
    version: str | None = None
    description: str | None = None
    schema: dict[str, Any] = {}


class SchemaGap(msgspec.Struct, frozen=True):
    """One way in which a bound table is not what was declared. ``breaks`` says whether a reader of the declaration is let down."""

    port: str
    table: str
    problem: Literal["not_scanned", "table_gone", "missing_column", "type_differs", "may_be_null", "undeclared_column"]
    breaks: bool
    message: str
    column: str | None = None
    declared: str | None = None
    actual: str | None = None


class Conformance(msgspec.Struct, frozen=True):
    """What the declared schema says against the tables as the last scan saw them.

    ``conforms``; ``extends``: the tables have columns that nobody declared; ``differs``: what is declared is not there;
    ``unknown``: a table was never scanned; ``undeclared``: no schema; ``unbound``: no port.
    """

    status: Literal["conforms", "extends", "differs", "unknown", "undeclared", "unbound"]
    gaps: list[SchemaGap] = []
    truncated: bool = False


class VersionChange(msgspec.Struct, frozen=True):
    """Which part of the version a change moved, from which version, and why."""

    level: Level
    previous: str
    reasons: list[str]


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product. ``etag`` is what ``If-Match`` takes; ``change`` stands only in the answer to a change."""

    name: str
    domain: str
    owner: str | None
    description: str
    schema: dict[str, Any]
    status: str
    version: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    title: str | None = None
    owners: list[Owner] = []
    ports: list[ProductPort] = []
    inputs: list[ProductPort] = []
    tier: str | None = None
    documentation: str | None = None
    conformance: Conformance | None = None
    change: VersionChange | None = None
    etag: str


class ProductUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """A port of a product on a table: what it takes in (``input``) or gives out (``output``)."""

    product: str
    domain: str
    status: str
    way: Literal["input", "output"]
    port: str
    contract_id: str | None = None
    owner: str | None = None


class ProductPage(msgspec.Struct, frozen=True):
    """Products by name. ``total`` counts all that match; ``next_cursor`` continues, or ``offset`` does."""

    items: list[Product]
    total: int
    limit: int
    offset: int
    next_cursor: str | None
    as_of: datetime | None = None


class ProductCheck(msgspec.Struct, frozen=True):
    """How far a product's tables are what it declares."""

    name: str
    version: str
    conformance: Conformance
    as_of: datetime | None = None


class RemovedProduct(msgspec.Struct, frozen=True):
    """A product that was taken off the list. Its history stays."""

    name: str
    version: str
    removed_at: datetime
    removed: bool = True


class ProductChange(msgspec.Struct, frozen=True):
    """One field of one state beside the state before."""

    field: str
    before: Any = None
    after: Any = None


class ProductEvent(msgspec.Struct, frozen=True):
    """One moment of a product's history: who changed what. ``record_id`` finds the fact."""

    at: datetime
    by: str
    event: Literal["registered", "changed", "removed"]
    version: str | None
    level: Level | None
    changes: list[ProductChange]
    record_id: str


class ProductHistory(msgspec.Struct, frozen=True):
    """A product's history, newest first."""

    name: str
    items: list[ProductEvent]
    next_cursor: str | None
