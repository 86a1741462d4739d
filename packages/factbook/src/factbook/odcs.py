"""The words of the Open Data Contract Standard (Bitol, 3.0 and 3.1) that several rooms read: names, metrics, severities. Pure."""

from __future__ import annotations

from typing import Any

from factbook_sdk.facts.kinds.quality_result import RuleSeverity

METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
"""The metrics of the library of 3.1."""

_OLD_NAMES = {
    "nullCheck": "nullValues",
    "uniqueCheck": "duplicateValues",
    "duplicateCount": "duplicateValues",
    "unique": "duplicateValues",
    "validValues": "invalidValues",
}
"""Metrics as ``rule`` named them before 3.1."""
_SEVERITIES: dict[str, RuleSeverity] = {"info": "info", "information": "info", "low": "info", "warning": "warning", "warn": "warning"}


def is_contract(root: Any) -> bool:
    """Return whether a document is a data contract."""
    return isinstance(root, dict) and (root.get("kind") == "DataContract" or ("apiVersion" in root and "schema" in root))


def metric_of(name: str) -> str:
    """Return a metric by its name in 3.1, whichever version named it."""
    return _OLD_NAMES.get(name, name)


def severity_of(entry: dict[str, Any]) -> RuleSeverity:
    """Return how bad it is if a quality entry does not hold; the standard takes any word."""
    return _SEVERITIES.get(str(entry.get("severity") or "error").lower(), "error")


def column_of(item: dict[str, Any]) -> str | None:
    """Return what a property is called in the database."""
    named = item.get("physicalName") or item.get("name")
    return named if isinstance(named, str) and named else None


def table_of(item: dict[str, Any], servers: Any) -> tuple[str | None, str | None]:
    """Return the schema and the table an object of the contract is called by in its database; ``None`` for what is not said.

    A name of three parts begins with the database, which is the source here. Where several servers name several schemas, any may be meant.
    """
    named = item.get("physicalName") or item.get("name")
    if not isinstance(named, str) or not named:
        return None, None
    schema, dot, name = named.rpartition(".")
    return (schema.rpartition(".")[2], name) if dot else (schema_of(servers), named)


def schema_of(servers: Any) -> str | None:
    """Return the one schema that servers name; ``None`` where they name none, or several."""
    listed = servers if isinstance(servers, list) else []
    found = {str(server["schema"]) for server in listed if isinstance(server, dict) and isinstance(server.get("schema"), str)}
    return found.pop() if len(found) == 1 else None
