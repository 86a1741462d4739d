"""What a kind may be, and what its next version may change. Values in, values out."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from factbook.errors import InvalidRequest, KindIncompatible, KindRefused, KindTaken
from factbook.repository.indexing import MAX_PATHS
from factbook_sdk.facts import Category, Kind, Origin
from factbook_sdk.facts.codec import canonical_json
from factbook_sdk.facts.compatibility import Compatibility, SchemaChange, breaking, compare
from factbook_sdk.repository.filters import check_path

MAX_VERSIONS = 100
_MAX_NAME = 128
_MAX_DESCRIPTION = 2_000
_NAME = re.compile(r"[a-z][a-z0-9]*([_.-][a-z0-9]+)*")


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind to register, or the next version of one: ``version`` is found out where it is not given.

    ``indexed`` are the paths by which queries shall find records quickly, as ``payload.row_count``.
    """

    name: str
    category: Category
    description: str
    schema: dict[str, Any]
    version: int | None = None
    compatibility: Compatibility = Compatibility.BACKWARD
    indexed: list[str] = []


class ChangeNote(msgspec.Struct, frozen=True):
    """One difference to the version before: where, what, and whom it breaks (empty: nobody). ``refused``: the kind does not allow it."""

    path: str
    change: str
    old: Any
    new: Any
    breaks: str
    refused: bool


class Verdict(msgspec.Struct, frozen=True):
    """What registering would do. ``compatible`` and ``breaking`` are about a new version, judged by the ``compatibility`` in force."""

    name: str
    verdict: Literal["new", "same", "compatible", "breaking"]
    version: int
    compatibility: Compatibility
    changes: list[ChangeNote]


class Registered(msgspec.Struct, frozen=True):
    """What registering did: ``created`` the kind, added a version or ``changed`` something else, or found it ``unchanged``."""

    kind: Kind
    outcome: Literal["created", "version_added", "changed", "unchanged"]
    verdict: Verdict


def is_name(name: str) -> bool:
    """Return whether a kind may have this name: words of small letters and digits, joined by single dots, dashes or underscores."""
    return len(name) <= _MAX_NAME and _NAME.fullmatch(name) is not None


def check_proposal(proposal: Proposal) -> None:
    """Refuse what no kind may be; the schema is checked by ``schemas.check_schema``."""
    if not is_name(proposal.name):
        raise KindRefused(
            f"{proposal.name[:200]!r} can be no kind's name",
            why=f"a name is words of small letters and digits joined by . - or _, at most {_MAX_NAME} characters",
            fix="For example weather_reading",
            field="name",
        )
    if not 1 <= len(proposal.description) <= _MAX_DESCRIPTION or "\x00" in proposal.description:
        raise KindRefused(
            "The description is missing or too long",
            why=f"it has {len(proposal.description):,} characters; 1 to {_MAX_DESCRIPTION:,} are taken, and no NUL",
            fix="Say in a sentence what a record of the kind states",
            field="description",
        )
    check_indexed(proposal.indexed)


def check_indexed(paths: list[str]) -> None:
    """Refuse paths that cannot be indexed."""
    if len(paths) > MAX_PATHS or len(set(paths)) < len(paths):
        raise KindRefused(
            "The indexed paths are too many, or one is named twice",
            why=f"a kind may have {MAX_PATHS}",
            fix="Leave some out",
            field="indexed",
        )
    for path in paths:
        try:
            check_path(path, "indexed")
        except InvalidRequest as error:
            raise KindRefused(error.what, why=error.why, fix=error.fix, field="indexed") from error
        if "\x00" in path or not path.isprintable():
            raise KindRefused(f"{path!r} cannot be indexed", why="it holds what cannot be printed", field="indexed")


def judge(current: Kind | None, proposal: Proposal) -> tuple[Kind, Verdict]:
    """Return the kind as it would be, and what is to be said of it; raises :class:`KindTaken` where it contradicts what is there."""
    if current is None:
        if proposal.version not in (None, 1):
            raise KindRefused(f"{proposal.name} would begin with version {proposal.version}", why="first comes version 1", field="version")
        return _merged(proposal, {1: proposal.schema}), Verdict(proposal.name, "new", 1, proposal.compatibility, [])
    if current.category is not proposal.category:
        raise KindTaken(
            f"The kind {current.name} is there already",
            why=f"it is of category {current.category.value}, and a category is for ever",
            fix="Choose another name",
            field="category",
        )
    known = _known_version(current, proposal)
    if known is not None:
        return _merged(proposal, current.schemas, current), Verdict(current.name, "same", known, current.compatibility, [])
    version = current.latest_version + 1
    if version > MAX_VERSIONS:
        raise KindRefused(f"{current.name} has {MAX_VERSIONS} versions", why="no more are kept", fix="Register a new kind", field="version")
    changes = compare(current.schemas[current.latest_version], proposal.schema)
    refused = breaking(changes, current.compatibility)
    verdict = Verdict(
        current.name,
        "breaking" if refused else "compatible",
        version,
        current.compatibility,
        [_note(item, item in refused) for item in changes],
    )
    return _merged(proposal, {**current.schemas, version: proposal.schema}, current), verdict


def refuse_breaking(verdict: Verdict) -> None:
    """Raise :class:`KindIncompatible` for a verdict of ``breaking``, naming each change that breaks somebody."""
    if verdict.verdict == "breaking":
        refused = [f"{note.path}: {note.change} (breaks {note.breaks})" for note in verdict.changes if note.refused]
        raise KindIncompatible(
            f"Version {verdict.version} of {verdict.name} is not {verdict.compatibility.value} compatible",
            why="; ".join(refused[:20]) + (f"; and {len(refused) - 20} more" if len(refused) > 20 else ""),
            fix="Undo these changes, register a new kind, or loosen the kind's compatibility first",
            field="schema",
        )


def _known_version(current: Kind, proposal: Proposal) -> int | None:
    """Return the version that has the proposed schema already."""
    if proposal.version is None:
        return next(
            (version for version in sorted(current.schemas, reverse=True) if _same(current.schemas[version], proposal.schema)), None
        )
    if proposal.version in current.schemas:
        if _same(current.schemas[proposal.version], proposal.schema):
            return proposal.version
        raise KindTaken(
            f"{current.name} has a version {proposal.version} already",
            why="its schema differs, and a version never changes",
            fix=f"Add it as version {current.latest_version + 1}",
            field="version",
        )
    if proposal.version != current.latest_version + 1:
        raise KindRefused(
            f"{current.name} cannot get version {proposal.version} now",
            why=f"the next one is {current.latest_version + 1}",
            fix="Leave the version out",
            field="version",
        )
    return None


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return canonical_json(one) == canonical_json(other)


def _merged(proposal: Proposal, schemas: dict[int, dict[str, Any]], current: Kind | None = None) -> Kind:
    return Kind(
        proposal.name,
        proposal.category,
        proposal.description,
        schemas,
        proposal.compatibility,
        tuple(proposal.indexed),
        current.deprecated if current else None,
        current.deprecated_versions if current else {},
        Origin.REGISTERED,
    )


def _note(change: SchemaChange, refused: bool) -> ChangeNote:
    return ChangeNote(change.path, change.description, change.old, change.new, change.breaks, refused)
