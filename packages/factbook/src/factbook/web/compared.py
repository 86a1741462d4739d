"""Two states of a document beside each other, line by line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from factbook.contracts.versions import differences

LINES = 200


class State(msgspec.Struct, frozen=True):
    """What a document said at a moment, and its version."""

    version: str
    document: dict[str, Any]


class Compared(msgspec.Struct, frozen=True):
    """Two moments and what differs between them; ``lines`` are at most 200. ``problem`` says why that cannot be told."""

    old: datetime
    new: datetime
    old_version: str | None
    new_version: str | None
    lines: list[str]
    problem: str | None


def compare(old: datetime, new: datetime, before: State | None, after: State | None) -> Compared:
    """Compare two states; ``None`` stands for one in which there was nothing."""
    if before is None or after is None:
        return Compared(old, new, None, None, [], "It was not there at one of these moments.")
    lines = lines_between(before.document, after.document)
    return Compared(old, new, before.version, after.version, lines, None)


def lines_between(before: Any, after: Any) -> list[str]:
    """Return what differs between two values, at most 200 lines."""
    return list(differences(_keyed(before), _keyed(after)))[:LINES]


def _keyed(value: Any) -> Any:
    """Return a value in which lists are told apart by what their items are called, so that one more item changes no other."""
    if isinstance(value, dict):
        return {key: _keyed(inner) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    if all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value):
        return {item["name"]: _keyed(item) for item in value}
    return {str(item): item for item in value} if all(isinstance(item, str) for item in value) else value
