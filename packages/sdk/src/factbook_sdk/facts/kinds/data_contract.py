"""``data_contract``: what a table's readers may rely on. Target: the table.

The fields follow the Open Data Contract Standard 3; ``document`` keeps the contract as it was written.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="data_contract",
    category=Category.STATE,
    description="What readers of a table may rely on: its columns, quality rules and service levels.",
    schemas=load_schemas(__package__, "data_contract"),
)


class ContractColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A promised column. ``logical_type`` is one of the standard's, ``physical_type`` the engine's."""

    name: Name
    logical_type: Name | None = None
    physical_type: Name | None = None
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    classification: Name | None = None
    description: str | None = None


class QualityRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A promise that can be checked: a named rule of the library, or a query with what it must give."""

    name: Name
    rule: Name | None = None
    query: Name | None = None
    column: Name | None = None
    arguments: dict[str, Any] = {}
    severity: Literal["info", "warning", "error"] = "error"


class ServiceLevel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A promised property, for example ``freshness`` of 4 hours."""

    property: Name
    value: str | float
    unit: Name | None = None
    column: Name | None = None


class DataContract(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload."""

    contract_id: Name
    version: Name
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    columns: list[ContractColumn] = []
    quality: list[QualityRule] = []
    service_levels: list[ServiceLevel] = []
    owner: Name | None = None
    description: str | None = None
    document: dict[str, Any] = {}
