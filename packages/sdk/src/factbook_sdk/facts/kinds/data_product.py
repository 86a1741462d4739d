"""``data_product``: a data product as its owners declare it. Target: :func:`product_target` of its name, which is unique in a tenant."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Moment, Name, TableRef
from factbook_sdk.facts.record import MetadataTarget
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="data_product",
    category=Category.STATE,
    description="A data product: purpose, owners, ports, tier and status.",
    schemas=load_schemas(__package__, "data_product"),
    indexed=(
        "payload.domain",
        "payload.status",
    ),
)


class Owner(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who answers for it. ``contact`` is an address or a channel."""

    name: Name
    role: Literal["owner", "steward", "producer", "support"] = "owner"
    contact: Name | None = None


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table the product takes in or gives out, and the contract it stands under. ``schema`` is the port's own where it differs from
    the product's."""

    name: Name
    table: TableRef
    contract_id: Name | None = None
    version: Name | None = None
    description: str | None = None
    schema: dict[str, Any] = {}


class DataProduct(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``schema`` gives the declared type of each field; ``document`` keeps a product written in another standard.
    ``created_at`` is when it was registered, and stays while it is changed."""

    name: Name
    domain: Name
    status: Literal["proposed", "draft", "active", "deprecated", "inactive", "retired"]
    version: Name | None = None
    description: str | None = None
    owners: list[Owner] = []
    inputs: list[Port] = []
    outputs: list[Port] = []
    tags: list[Name] = []
    tier: Name | None = None
    documentation: Name | None = None
    schema: dict[str, Any] = {}
    document: dict[str, Any] = {}
    created_at: Moment | None = None


PRODUCTS = "data_products"
"""The source id that products stand under; no database may be called so."""


def product_target(name: str) -> MetadataTarget:
    """Return the target of a product's facts, and of what is said of it. A lineage edge names it as a table of the source of that name."""
    return MetadataTarget(PRODUCTS, table=name)
