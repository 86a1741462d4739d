"""The rules: which facts matter, what is said of them, and who is told. A word about every part stands in ``docs/how-to/get-alerts.md``.

Here is their shape; :mod:`factbook.watch.reading` reads and checks a file of them, :mod:`factbook.watch.judging` says what they mean for a
fact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal

import msgspec

from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.filters import Condition, parse_condition

Severity = Literal["info", "warning", "error", "critical"]
SCALES: tuple[tuple[str, ...], ...] = (("info", "warning", "error", "critical"), ("cosmetic", "compatible", "risky", "breaking"))
"""What ``at_least`` can compare: severities of alerts and of changes, the mildest first."""

OWN_PREFIX = "watch."
"""Rules of these names speak of the watching itself."""

_DURATION = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure over the facts of the last stretch of time. ``share`` is of the facts that match ``when``; the others are of ``path``."""

    length: str
    measure: Literal["share", "count", "mean", "max", "min"] = "share"
    path: str | None = None
    above: float | None = None
    below: float | None = None
    at_least: int = 1


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """What makes facts of one kind an alert. ``where`` picks the facts it looks at, ``when`` says which of them are bad."""

    name: str
    kind: str
    severity: Severity = "error"
    source: str | list[str] = "*"
    schema: str | list[str] = "*"
    table: str | list[str] = "*"
    where: list[str] = []
    when: list[str] = []
    unless: list[str] = []
    at_least: dict[str, str] = {}
    per: list[str] = []
    by: Literal["target", "source"] = "target"
    in_a_row: int = 1
    lasting: str = msgspec.field(name="for", default="0s")
    window: Window | None = None
    each: bool = False
    resolve: Literal["auto", "never"] = "auto"
    resolve_when: list[str] = []
    title: str = "{target}: {rule}"
    message: str | None = None
    channels: list[str] | None = None
    tenants: list[str] = []

    @cached_property
    def picks(self) -> list[Condition]:
        return [parse_condition(text) for text in self.where]

    @cached_property
    def bad(self) -> list[Condition]:
        return [parse_condition(text) for text in self.when]

    @cached_property
    def excused(self) -> list[Condition]:
        return [parse_condition(text) for text in self.unless]

    @cached_property
    def good(self) -> list[Condition]:
        return [parse_condition(text) for text in self.resolve_when]

    @cached_property
    def duration(self) -> timedelta:
        return parse_duration(self.lasting)

    @cached_property
    def window_length(self) -> timedelta:
        return parse_duration(self.window.length) if self.window is not None else timedelta()

    @property
    def needs_history(self) -> bool:
        return self.in_a_row > 1 or bool(self.duration) or self.window is not None

    def covers(self, record: MetadataRecord) -> bool:
        """Return whether the rule is about the target of a fact, and for its tenant."""
        target = record.target
        return (
            self.is_for(record.context.tenant)
            and _fits(self.source, target.source_id)
            and _fits(self.schema, target.schema)
            and _fits(self.table, target.table)
        )

    def is_for(self, tenant: str) -> bool:
        """Return whether the rule is for facts of a tenant."""
        return any(fnmatchcase(tenant, pattern) for pattern in self.tenants)

    def speaks_of(self, target: MetadataTarget) -> MetadataTarget:
        """Return the target of the alert for a fact about ``target``."""
        return MetadataTarget(target.source_id) if self.by == "source" else target


class ChannelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A way to people. ``url`` and ``options`` may hold secrets: a spec is never shown."""

    name: str
    type: str
    url: str = ""
    options: dict[str, Any] = {}
    severity: Severity = "info"
    states: tuple[Literal["firing", "acknowledged", "resolved"], ...] = ("firing", "resolved")
    tenant: str | None = None
    give_up_after: str = "24h"

    def __repr__(self) -> str:
        return f"ChannelSpec({self.name!r}, {self.type!r})"


class Rulebook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """A whole rules file. Alerts about facts older than ``max_age`` are kept and not sent; a message waits ``group_wait`` for more."""

    defaults: bool = True
    rules: list[Rule] = []
    channels: tuple[ChannelSpec, ...] = (ChannelSpec(name="log", type="log"),)
    max_age: str = "7d"
    group_wait: str = "2s"

    @cached_property
    def by_kind(self) -> Mapping[str, Sequence[Rule]]:
        found: dict[str, list[Rule]] = {}
        for rule in self.rules:
            found.setdefault(rule.kind, []).append(rule)
        return found

    def reaches(self, rule: str, channel: str) -> bool:
        """Return whether alerts of a rule go to a channel; those of rules that name none, or that are not ours, go to all."""
        named = next((known.channels for known in self.rules if known.name == rule), None)
        return named is None or channel in named


def parse_duration(text: str) -> timedelta:
    """Read ``30s``, ``5m``, ``1h`` or ``7d``; raises :class:`ValueError`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration; write for example 30s, 5m, 1h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _fits(patterns: str | list[str], name: str | None) -> bool:
    return any(fnmatchcase(name or "", pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))
