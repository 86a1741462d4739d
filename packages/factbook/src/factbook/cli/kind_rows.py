"""Kinds, as tables for people; and the file that proposes one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from factbook.cli.documents import show_json
from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import note, say, utc
from factbook.errors import InvalidRequest, KindRefused
from factbook.kinds import ChangeNote, Proposal, Registered, Verdict
from factbook_sdk.facts import Deprecation, Kind, Origin

_MAX_BYTES = 1 << 20
_DONE = {
    "created": "{name} version {version} is registered.",
    "version_added": "{name} has version {version} now.",
    "changed": "{name} is changed; its schemas are as they were.",
    "unchanged": "{name} version {version} was registered already.",
}
_VERDICTS = {
    "new": "{name} is new: it would begin with version {version}.",
    "same": "{name} version {version} has this schema already.",
    "compatible": "Version {version} of {name} would be {compatibility} compatible.",
    "breaking": "Version {version} of {name} would not be {compatibility} compatible.",
}


def read_proposal(file: str) -> Proposal:
    """Read a proposal from a file (``-`` is stdin); raises :class:`InvalidRequest` naming what is wrong with it."""
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            body = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", fix="Name a file, or - for stdin", field="file") from error
    if len(body) > _MAX_BYTES:
        raise KindRefused(f"{file} is no kind", why=f"it has more than {_MAX_BYTES:,} bytes", field="file")
    try:
        return msgspec.json.decode(body, type=Proposal)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        fix = "Write a JSON object with name, category (event or state), description and schema"
        raise KindRefused(f"{file} is no kind", why=str(error), fix=fix, field="file") from error


def summary(kind: Kind) -> dict[str, Any]:
    """Return a kind without its schemas."""
    return {
        "name": kind.name,
        "category": kind.category,
        "versions": sorted(kind.schemas),
        "description": kind.description,
        "origin": kind.origin,
        "compatibility": kind.compatibility,
        "indexed": kind.indexed,
        "deprecated": kind.deprecated,
        "deprecated_versions": kind.deprecated_versions,
    }


def show_list(kinds: Sequence[Kind]) -> None:
    """Print a line a kind."""
    rows = [(kind.name, kind.category.value, _versions(kind), _remark(kind), kind.description) for kind in kinds]
    show_table(("kind", "category", "versions", "remark", "description"), rows, whole=("kind",))


def show_one(kind: Kind, version: int, schema: dict[str, Any] | None) -> None:
    """Print what is declared of a kind, and a version's schema."""
    show_facts_of(kind, version)
    if schema is not None:
        say("")
        show_json(schema)


def show_facts_of(kind: Kind, version: int | None) -> None:
    """Print what is declared of a kind beside its schemas."""
    show_facts(
        [
            ("kind", kind.name),
            ("category", kind.category.value),
            ("version", version),
            ("versions", _versions(kind)),
            ("origin", kind.origin.value),
            ("compatibility", kind.compatibility.value if kind.is_verified else None),
            ("indexed", ", ".join(kind.indexed)),
            ("deprecated", _deprecation(kind.deprecated)),
            *((f"version {number}", _deprecation(item)) for number, item in sorted(kind.deprecated_versions.items())),
            ("about", kind.description),
        ]
    )


def show_registered(registered: Registered) -> None:
    """Print what registering did."""
    verdict = registered.verdict
    say(_DONE[registered.outcome].format(name=verdict.name, version=verdict.version))
    _show_changes(verdict.changes)


def show_verdict(verdict: Verdict) -> None:
    """Print what registering would do."""
    say(_VERDICTS[verdict.verdict].format(name=verdict.name, version=verdict.version, compatibility=verdict.compatibility.value))
    _show_changes(verdict.changes)
    if verdict.verdict == "breaking":
        note("It would be refused.", style="red")


def _show_changes(changes: Sequence[ChangeNote]) -> None:
    if changes:
        rows = [(item.path, item.change, item.breaks or "nobody", item.refused) for item in changes]
        show_table(("where", "change", "breaks", "refused"), rows)


def _versions(kind: Kind) -> str:
    return ", ".join(f"{version}{' (deprecated)' if version in kind.deprecated_versions else ''}" for version in sorted(kind.schemas))


def _remark(kind: Kind) -> str:
    return "deprecated" if kind.deprecated else "" if kind.origin is Origin.BUILTIN else kind.origin.value


def _deprecation(deprecation: Deprecation | None) -> str | None:
    if deprecation is None:
        return None
    parts = [f"since {utc(deprecation.since)}: {deprecation.reason}"]
    parts += [f"use {deprecation.successor}"] if deprecation.successor else []
    parts += [f"refused from {utc(deprecation.retires_at)} on"] if deprecation.retires_at else []
    return "; ".join(parts)
