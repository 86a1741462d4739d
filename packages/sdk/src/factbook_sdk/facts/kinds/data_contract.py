"""``data_contract``: what a table's readers may rely on. Target: the table, and :func:`contract_target` of the contract as a whole.

The fields follow the Open Data Contract Standard 3. A contract that was imported is one fact about itself, whose ``document`` keeps it as
it was written and whose ``objects`` say which tables it is bound to, and one fact about each of these tables with what it promises of it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Name, TableRef
from factbook_sdk.facts.record import MetadataTarget
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


class ContractObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object of the document's ``schema`` and the table it is bound to; where it is bound to none, ``reason`` says why."""

    name: Name
    table: TableRef | None = None
    reason: Name | None = None


class DataContract(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``object`` is the object of the document that a table is bound to; ``objects`` and ``document`` stand in the fact about
    the contract as a whole."""

    contract_id: Name
    version: Name
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    columns: list[ContractColumn] = []
    quality: list[QualityRule] = []
    service_levels: list[ServiceLevel] = []
    owner: Name | None = None
    description: str | None = None
    object: Name | None = None
    objects: list[ContractObject] = []
    document: dict[str, Any] = {}


CONTRACTS = "data_contracts"
"""The source id that contracts stand under; no database may be called so."""

BINDING = frozenset({"active", "deprecated"})
"""In these states a contract is in force: who changes what it promises breaks it."""


def contract_target(contract_id: str) -> MetadataTarget:
    """Return the target of the fact about a contract as a whole."""
    return MetadataTarget(CONTRACTS, table=contract_id)


def contract_producer(contract_id: str) -> str:
    """Return the producer of a contract's facts: one per contract, so that several contracts hold side by side on one table."""
    return f"contract:{contract_id}"
