"""Severities as a source wants them: what a YAML file says about rules and places, over what the rules say by themselves.

``sources`` maps a source (a name, or a pattern with ``*`` and ``?``) to a list; the first entry that fits a change decides::

    sources:
      shop:
        - rule: column_removed            # a rule's name or a pattern; left out: every rule
          on: public.staging_*            # schema, schema.table or schema.table.column; left out: everywhere
          severity: compatible
          reason: rebuilt each night
        - on: public.tmp_*
          ignore: true
          reason: nobody reads these
          until: 2027-01-31               # ignored up to and with this day

A pattern for tables speaks of all that is in them as well. Names that hold ``*``, ``?`` or ``[`` are written with the sign in brackets.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import ConfigurationError
from factbook_sdk.facts.kinds.catalog_diff import Severity

ORDER: tuple[Severity, ...] = ("breaking", "risky", "compatible", "cosmetic")
"""From the worst on."""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the file."""

    rule: str = "*"
    on: str = "*"
    severity: Severity | None = None
    ignore: bool = False
    reason: str = ""
    until: date | None = None

    def fits(self, rule: str, place: tuple[str, ...]) -> bool:
        """Return whether it speaks of a rule at a place: ``(schema, table, column)`` or less."""
        names = (".".join(place[:length]) for length in range(1, len(place) + 1))
        return fnmatchcase(rule, self.rule) and any(fnmatchcase(name, self.on) for name in names)


class Ruling(msgspec.Struct, frozen=True):
    """What became of a rule's severity. ``note`` says who changed it; empty where nobody did."""

    severity: Severity
    is_ignored: bool = False
    note: str = ""


class Severities(msgspec.Struct, frozen=True):
    """The entries in force for one source. ``expired`` are those whose day is over: they change nothing and are named."""

    overrides: tuple[Override, ...] = ()
    expired: tuple[Override, ...] = ()
    origin: str = ""

    def ruling(self, rule: str, severity: Severity, place: tuple[str, ...]) -> Ruling:
        """Return the severity of a rule at a place, and why it is another than the rule's own."""
        override = next((override for override in self.overrides if override.fits(rule, place)), None)
        if override is None:
            return Ruling(severity)
        why = f": {override.reason}" if override.reason else ""
        if override.ignore:
            until = f" until {override.until}" if override.until else ""
            return Ruling("cosmetic", True, f"ignored{until} by {self.origin}, {severity} by default{why}")
        return Ruling(override.severity or severity, False, f"set by {self.origin}, {severity} by default{why}")

    def ignores(self, rule: str, place: tuple[str, ...]) -> bool:
        """Return whether a rule does not count at a place."""
        return self.ruling(rule, "cosmetic", place).is_ignored


DEFAULT = Severities()
"""What the rules say by themselves."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, list[Override]]


def load_severities(path: Path, source_id: str, rules: Iterable[str], *, today: date | None = None) -> Severities:
    """Read what a file says of a source; raises :class:`ConfigurationError` naming the entry that is wrong.

    ``rules`` are the names there are: an entry that fits none of them is a slip and not a wish.
    """
    known = tuple(rules)
    entries: list[Override] = []
    for pattern, overrides in _decoded(path).sources.items():
        for number, override in enumerate(overrides):
            _check(override, known, f"{path.name}: sources.{pattern}[{number}]")
        if fnmatchcase(source_id, pattern):
            entries.extend(overrides)
    day = today or datetime.now(UTC).date()
    expired = tuple(entry for entry in entries if entry.until is not None and entry.until < day)
    return Severities(tuple(entry for entry in entries if entry not in expired), expired, path.name)


def _decoded(path: Path) -> _File:
    try:
        return msgspec.convert(_parsed(path), _File)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        where = f" at {place.rstrip('`').lstrip('.')}" if place else ""
        raise ConfigurationError(
            f"{path.name} is wrong{where}", why=message, fix="See docs/how-to/gate-a-pipeline.md for what may stand there"
        ) from error


def _parsed(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"{path} cannot be read", why=str(reason), fix="Name a file that can, with --rules or VERDICT_RULES"
        ) from error
    try:
        # The safe loader builds plain values alone, and refuses keys that stand twice.
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(f"{path.name} is no YAML", why=why) from error


def _check(override: Override, rules: tuple[str, ...], where: str) -> None:
    if (override.severity is None) != override.ignore:
        raise ConfigurationError(
            f"{where} is wrong", why="it needs either a severity or ignore: true", fix=f"Write severity: one of {', '.join(ORDER)}"
        )
    if override.ignore and not override.reason:
        raise ConfigurationError(f"{where} is wrong", why="it ignores changes and gives no reason", fix="Add reason: why it may")
    if not any(fnmatchcase(rule, override.rule) for rule in rules):
        raise ConfigurationError(
            f"{where} is wrong", why=f"no rule is called {override.rule!r}", fix="docs/reference/verdict-rules.md lists the rules"
        )
