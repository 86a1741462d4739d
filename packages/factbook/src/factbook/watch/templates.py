"""Titles and messages of alerts: text with named fields in braces, and nothing more. Pure.

A field is one of :data:`FIELDS` or a path into the fact (``{payload.outcome}``). There is no access to attributes, no call, no format.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from factbook_sdk.facts import MetadataRecord
from factbook_sdk.repository.filters import MISSING, check_path, value_at

FIELDS = frozenset({"target", "source", "schema", "table", "kind", "rule", "severity", "count", "value", "changes"})
"""``count``: facts in a row; ``value``: the figure of a window; ``changes``: the worst changes of a ``catalog_diff``, a line each."""

MAX_TITLE = 300
MAX_MESSAGE = 4000
_MAX_VALUE = 500
_MAX_CHANGES = 10
_WORST_FIRST = ("breaking", "risky", "compatible", "cosmetic")


def check_template(text: str) -> None:
    """Refuse a template with something else than named fields; raises :class:`ValueError` or :class:`InvalidRequest`."""
    for name in _fields(text):
        if name not in FIELDS:
            if "." not in name:
                raise ValueError(f"{{{name}}} is no field; there are {', '.join(sorted(FIELDS))}, and paths such as payload.outcome")
            check_path(name, "title")


def fill(text: str, record: MetadataRecord, known: Mapping[str, str], *, limit: int) -> str:
    """Return the text with its fields filled in; what the fact does not say is a dash."""
    parts = []
    for literal, name, _, _ in string.Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            parts.append(
                _changes(record) if name == "changes" else known[name] if name in known else _shown(value_at_or_none(record, name))
            )
    filled = "".join(parts)
    return filled if len(filled) <= limit else f"{filled[: limit - 1]}…"


def value_at_or_none(record: MetadataRecord, path: str) -> Any:
    """Return the value at a path, ``None`` where there is none."""
    found = value_at(record, path)
    return None if found is MISSING else found


def _fields(text: str) -> Iterator[str]:
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if spec or conversion or not name or not all(step.replace("_", "").replace("-", "").isalnum() for step in name.split(".")):
            raise ValueError("a field is a name in braces and nothing else, such as {target}; a brace itself is written twice")
        yield name


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _changes(record: MetadataRecord) -> str:
    """Return the worst changes of a diff, a line each. Values are left out: they may be what nobody should read in a mail."""
    changes = [change for change in (record.payload or {}).get("changes") or () if isinstance(change, dict)]
    changes.sort(key=lambda change: _WORST_FIRST.index(change["severity"]) if change.get("severity") in _WORST_FIRST else 9)
    lines = [_change(change, record) for change in changes[:_MAX_CHANGES]]
    if len(changes) > _MAX_CHANGES:
        lines.append(f"… and {len(changes) - _MAX_CHANGES:,} more")
    return "\n".join(lines) or "-"


def _change(change: Mapping[str, Any], record: MetadataRecord) -> str:
    names = (change.get("schema") or record.target.schema, change.get("table") or record.target.table)
    place = ".".join(str(name) for name in names if name)
    path = f" {change['path']}" if change.get("path") else ""
    reason = f": {change['reason']}" if change.get("reason") else ""
    return f"{change.get('severity', '-')}: {change.get('change', 'changed')} {place}{path}{reason}"
