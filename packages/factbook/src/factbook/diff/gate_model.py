"""What goes into a gate and what comes out of it, and how the one is made of the other. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from factbook.diff.comparison import SEVERITIES, Comparison, Judged
from factbook.diff.downstream import Columns
from factbook.diff.impact import HitContract, Impact
from factbook.diff.model import Party, Severity
from factbook.diff.payload import changes_of
from factbook.diff.using import Use, parse_tables, parse_uses
from factbook.diff.verdict import place_of
from factbook.errors import InvalidRequest
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.catalog_diff import Change, Rename, State, Unread

MAX_CHANGES = 1_000
"""Changes that a result names; the counts are exact."""


_Text = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]
_Texts = Annotated[list[_Text], Meta(max_length=500)]
GATE_NAMES = {"before": "from", "after": "to", "other": "with"}
"""What fields are called where people write them."""


class GateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=GATE_NAMES):
    """What to judge. ``before`` and ``after`` are run ids, times, ``latest``, ``previous`` or ``-1d``; without any, the last change there
    was. ``other`` is another source to compare with, as it is now.

    ``tables`` are patterns; ``reads`` and ``writes`` name what the pipeline uses, so that only what breaks a reader of the one or a writer
    of the other counts. ``accept`` holds ids of changes and of proposed renames. ``max_age_seconds`` bounds the age of the last scan.
    """

    source_id: _Text
    before: _Text | None = None
    after: _Text | None = None
    other: _Text | None = None
    fail_on: Severity = "breaking"
    breaks: Literal["readers", "writers", "any"] = "any"
    tables: _Texts = []
    reads: _Texts = []
    writes: _Texts = []
    accept: _Texts = []
    max_age_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.max_age_seconds is not None and not 0 < self.max_age_seconds < 1e9:
            raise InvalidRequest(f"max_age_seconds is {self.max_age_seconds}", why="it must be a positive number", field="max_age_seconds")
        if self.tables and (self.reads or self.writes):
            raise InvalidRequest("tables stands beside reads or writes", why="they are two ways to say what counts", field="tables")

    def uses(self) -> list[Use]:
        """Return what counts; nothing for everything."""
        return [*parse_tables(self.tables), *parse_uses(self.reads, "readers", "reads"), *parse_uses(self.writes, "writers", "writes")]


class GateChange(Change, frozen=True, omit_defaults=True):
    """A change that counts. ``id`` stays the same as long as the change does; ``accept`` takes it. ``contracts`` are the ids of those in
    force that it breaks: it is breaking for them, whatever its rule says."""

    id: str = ""
    contracts: tuple[str, ...] = ()


class GateRename(Rename, frozen=True, omit_defaults=True, kw_only=True):
    """A proposed rename behind changes that count; to accept its ``id`` is to accept both of them."""

    id: str = ""


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. ``reasons`` say in a sentence each why it does not pass; ``changes`` are those that count, the worst first, at most
    ``MAX_CHANGES`` of the ``failing`` there are. ``counts`` are of all changes in what was asked for, by severity."""

    source_id: str
    passed: bool
    reasons: list[str]
    fail_on: Severity
    breaks: str
    before: State
    after: State
    counts: dict[Severity, int]
    failing: int
    changes: list[GateChange]
    accepted: int = 0
    ignored: int = 0
    renames: list[GateRename] = []
    impact: Impact = Impact()
    unread: list[Unread] = []
    notes: list[str] = []


def counts_for(item: Judged, fail_on: Severity, breaks: str) -> bool:
    """Return whether a change is bad enough, and for those who are asked about."""
    is_bad_enough = SEVERITIES.index(item.verdict.severity) <= SEVERITIES.index(fail_on)
    return is_bad_enough and (breaks == "any" or breaks in item.verdict.breaks)


def by_severity(items: Sequence[Judged]) -> dict[Severity, int]:
    """Count by severity, the worst first; none that is zero."""
    counts = {severity: sum(item.verdict.severity == severity for item in items) for severity in SEVERITIES}
    return {severity: count for severity, count in counts.items() if count}


def _identifier(*parts: object) -> str:
    """Return a short name for a change that stays as long as what it says does."""
    return hashlib.blake2b(msgspec.json.encode(parts, order="deterministic"), digest_size=6).hexdigest()


def change_id(item: Judged) -> str:
    """Return the id by which a change is accepted."""
    difference = item.difference
    return _identifier(*place_of(difference)[:2], difference.path, difference.change, difference.before, difference.after)


def renames_of(comparison: Comparison) -> list[GateRename]:
    """Return the proposals with the ids by which they are accepted."""
    return [
        GateRename(**{name: getattr(rename, name) for name in rename.__struct_fields__}, id=_rename_id(rename))
        for rename in comparison.renames
    ]


def _rename_id(rename: Rename) -> str:
    return _identifier("rename", rename.object, rename.schema, rename.table, rename.before, rename.after_schema, rename.after)


def explains(rename: Rename, item: Judged) -> bool:
    """Return whether a change is one of the two that a rename would explain."""
    difference = item.difference
    if difference.object != rename.object or difference.change == "changed" or difference.name is None:
        return False
    name = place_of(difference)
    if rename.object == "column":
        wanted = rename.before if difference.change == "removed" else rename.after
        return name == (rename.schema, rename.table, wanted)
    schema = rename.schema if difference.change == "removed" else rename.after_schema or rename.schema
    return name == (schema, rename.before if difference.change == "removed" else rename.after)


def without_accepted(
    counting: Sequence[Judged], renames: Sequence[GateRename], accept: Sequence[str]
) -> tuple[list[Judged], int, list[str]]:
    """Return what still counts, how much was accepted, and the ids that fit nothing."""
    accepted_renames = [rename for rename in renames if rename.id in accept]
    failing = [
        item for item in counting if change_id(item) not in accept and not any(explains(rename, item) for rename in accepted_renames)
    ]
    there = {change_id(item) for item in counting} | {rename.id for rename in renames}
    return failing, len(counting) - len(failing), [identifier for identifier in accept if identifier not in there]


def named_changes(failing: Sequence[Judged]) -> list[GateChange]:
    """Return the first changes as the result names them, each with its id."""
    failing = failing[:MAX_CHANGES]
    changes = changes_of(failing)
    return [
        GateChange(
            **{name: getattr(change, name) for name in change.__struct_fields__},
            id=change_id(item),
            contracts=item.verdict.contracts,
        )
        for change, item in zip(changes, failing, strict=True)
    ]


def reasons_of(failing: Sequence[Judged]) -> list[str]:
    """Say in a sentence for each severity why it does not pass."""
    reasons = []
    for severity in SEVERITIES:
        items = [item for item in failing if item.verdict.severity == severity]
        if items:
            parties: list[Party] = [party for party in ("readers", "writers") if any(party in item.verdict.breaks for item in items)]
            whom = f" for {' and '.join(parties)}" if parties else ""
            reasons.append(f"{len(items):,} {severity} {'change' if len(items) == 1 else 'changes'}{whom}")
    return reasons


def contract_reasons(impact: Impact) -> list[str]:
    """Say in a sentence which contract is broken, whose it is, and which products stand under it."""
    return [_contract_reason(contract, impact) for contract in impact.contracts if contract.is_broken]


def _contract_reason(contract: HitContract, impact: Impact) -> str:
    own = [hit for hit in impact.products if hit.contract_id == contract.contract_id and hit.port == "output"]
    own = own or [hit for hit in impact.products if hit.table == contract.table and hit.port == "output"]
    named = [f"{hit.product} of {', '.join(hit.owners)}" if hit.owners else hit.product for hit in own]
    owner = f" of {contract.owner}" if contract.owner else ""
    products = f" (product {'; '.join(dict.fromkeys(named))})" if named else ""
    return f"the contract {contract.contract_id} {contract.version}{owner} is broken{products}"


def changed_tables(failing: Sequence[Judged]) -> Mapping[TableName, Columns]:
    """Return the tables that changes are of, with their columns where all changes of a table are of columns."""
    changed: dict[TableName, Columns] = {}
    for item in failing:
        name, place = item.difference.name, place_of(item.difference)
        if name is None:
            continue
        known = changed.get(name, frozenset())
        changed[name] = None if known is None or len(place) < 3 else known | {place[2]}
    return changed
