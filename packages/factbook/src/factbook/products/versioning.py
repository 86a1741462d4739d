"""Which part of a product's version a change moves (https://semver.org): what readers of its data can rely on decides.

A field removed or narrowed, a port or an address gone: major. A field or port added, a type widened: minor. All else: patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from factbook.errors import VersionTooLow
from factbook.products.model import Level
from factbook_sdk.checks.declared import compare_declared, declared_fields
from factbook_sdk.checks.types import Relation
from factbook_sdk.facts.kinds.data_product import DataProduct

FIRST = "1.0.0"
_NUMBER = r"(?:0|[1-9]\d*)"
_IDENTIFIER = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII
)
"""Sections 2, 9 and 10 of the specification: numbers have no leading zeros."""
_MAX_DIGITS = 18


class Need(msgspec.Struct, frozen=True):
    """The part a change moves at least, and why; no reasons: nothing changed."""

    level: Level
    reasons: list[str]


def needed(before: DataProduct, after: DataProduct) -> Need:
    """Return what a change from one state to another asks of the version."""
    found = list(_reasons(before, after))
    levels = {level for level, _ in found}
    level: Level = "major" if "major" in levels else "minor" if "minor" in levels else "patch"
    return Need(level, [reason for own, reason in found if own == level])


def settle(previous: str | None, wanted: str | None, need: Need) -> str:
    """Return the version after a change: the one that is asked for, else the next; raises :class:`VersionTooLow`."""
    base = parse(previous or FIRST) or (1, 0, 0, None)
    due = _next(base, need.level)
    if wanted is None:
        return ".".join(map(str, due))
    given = parse(wanted)
    shown = ".".join(map(str, due))
    if given is None:
        raise VersionTooLow(f"{wanted!r} is no version", why="it is not MAJOR.MINOR.PATCH", fix=f"Write {shown}", field="version")
    if given[:3] < due or _rank(given) <= _rank(base):
        raise VersionTooLow(
            f"Version {wanted} is too low",
            why=f"it was {previous or FIRST} and this is a {need.level} change: {'; '.join(need.reasons[:5])}",
            fix=f"Write {shown} or higher, or leave version out",
            field="version",
        )
    return wanted


def parse(version: str) -> tuple[int, int, int, str | None] | None:
    """Take a semantic version apart; ``None`` if it is none."""
    found = _SEMVER.fullmatch(version)
    if found is None or any(len(part) > _MAX_DIGITS for part in found.groups()[:3]):
        return None
    return int(found[1]), int(found[2]), int(found[3]), found[4]


def _next(base: tuple[int, int, int, str | None], level: Level) -> tuple[int, int, int]:
    major, minor, patch, pre = base
    if pre is not None and (level == "patch" or (level == "minor" and patch == 0) or (level == "major" and minor == patch == 0)):
        return major, minor, patch
    if level == "major":
        return major + 1, 0, 0
    return (major, minor + 1, 0) if level == "minor" else (major, minor, patch + 1)


def _rank(version: tuple[int, int, int, str | None]) -> tuple[Any, ...]:
    """Return what versions are ordered by (section 11 of the specification)."""
    pre = version[3]
    parts = [] if pre is None else [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")]
    return (*version[:3], pre is None, parts)


def _reasons(before: DataProduct, after: DataProduct) -> Iterator[tuple[Level, str]]:
    if before.domain != after.domain:
        yield "major", f"the domain changes from {before.domain} to {after.domain}, and with it the address"
    yield from _of_schema(before.schema, after.schema, "")
    old, new = {port.name: port for port in before.outputs}, {port.name: port for port in after.outputs}
    for name in old.keys() - new.keys():
        yield "major", f"the port {name} is removed"
    for name in new.keys() - old.keys():
        yield "minor", f"the port {name} is added"
    for name in sorted(old.keys() & new.keys()):
        if old[name].table != new[name].table:
            yield "minor", f"the port {name} is bound to another table"
        yield from _of_schema(old[name].schema, new[name].schema, f" of the port {name}")
        if old[name] != new[name]:
            yield "patch", f"the port {name} is described otherwise"
    compared = ("name", "status", "description", "owners", "inputs", "tags", "tier", "documentation", "document")
    for field in compared:
        if getattr(before, field) != getattr(after, field):
            yield "patch", f"{field} changes"


def _of_schema(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[tuple[Level, str]]:
    old, new = declared_fields(before), declared_fields(after)
    for name in old.keys() - new.keys():
        yield "major", f"the field {name}{where} is removed"
    for name in new.keys() - old.keys():
        yield "minor", f"the field {name}{where} is added"
    for name in sorted(old.keys() & new.keys()):
        relation = compare_declared(old[name], new[name])
        was, now = old[name].type or "any", new[name].type or "any"
        if relation in (Relation.WIDENED, Relation.GENERALISED):
            yield "minor", f"the type of {name}{where} widens from {was} to {now}"
        elif relation is not Relation.SAME:
            yield "major", f"the type of {name}{where} changes from {was} to {now}"
        if old[name].nullable is False and new[name].nullable is not False:
            yield "major", f"{name}{where} may be empty from now on"
        if before[name] != after[name]:
            yield "patch", f"the field {name}{where} is described otherwise"
