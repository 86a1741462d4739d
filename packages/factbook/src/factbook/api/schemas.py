"""Bodies that exist only at this face: what a client sends, and pages of what it gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from factbook.access import Grant
from factbook.access.tokens import MAX_GRANTS, Token
from factbook.dbt import Artefacts
from factbook.diff.files import parse_catalog
from factbook.diff.gate_model import GATE_NAMES, GateRequest
from factbook.errors import InvalidRequest
from factbook.history import KindPolicy
from factbook.lineage.sql import Options
from factbook.profile import ProfileOptions
from factbook.profile.spending import parse_budget, parse_sample
from factbook.quality.job import Qualities, Rulebook
from factbook.sources.connections import Connection
from factbook.sources.contract import ScanScope
from factbook_sdk.facts import Category, Deprecation, Kind, MetadataTarget, Origin
from factbook_sdk.facts.compatibility import Compatibility
from factbook_sdk.facts.record import MAX_NAME_LENGTH, as_utc, check_name
from factbook_sdk.repository.contract import DEFAULT_LIMIT, MAX_LIMIT, BulkReport, Rejection, StoredRecord, Targets, Within
from factbook_sdk.repository.filters import Condition

T = TypeVar("T")

_Text = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
_Url = Annotated[str, Meta(max_length=4096, pattern=r"^([^\x00]*://|\$\{)[^\x00]+$")]
# As the register takes them: an address in this place would be connected to without asking whether whoever names it may.
_SourceId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]
_Targets = Annotated[list[MetadataTarget], Meta(max_length=MAX_LIMIT)]
_Moment = Annotated[datetime, Meta(tz=True)]
_Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT)]
_Patterns = Annotated[list[_Text], Meta(max_length=1000)]


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a suggestion is accepted or rejected."""

    reason: _Text | None = None


class ScanTrigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to scan: a registered ``source_id``, a ``url`` (under ``source_id`` as its name, if given), or the configured source.

    ``schemas`` and ``exclude`` hold patterns, ``schema`` or ``schema.table``, with ``*`` and ``?``.
    """

    source_id: _SourceId | None = None
    url: _Url | None = None
    schemas: _Patterns = []
    exclude: _Patterns = []
    accept_removals: bool = False

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``Factbook.submit_scan``."""
        return {
            "source": self.url or self.source_id,
            "source_id": self.source_id if self.url else None,
            "scope": ScanScope(include=self.schemas, exclude=self.exclude),
            "accept_removals": self.accept_removals,
        }


class DiffWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to compare: a source at two moments, ``with`` another source, or with a ``catalog``, the content of a catalogue file called
    ``file``. Moments are run ids, times, ``latest``, ``previous`` or ``-1d``. ``map_schemas`` maps schemas of the other side to the
    source's.

    Unless ``store`` is false, what differs is stored as ``catalog_diff`` facts. ``limit`` is of the changes in the answer.
    """

    source_id: _Name
    before: _Name | None = msgspec.field(default=None, name="from")
    after: _Name | None = msgspec.field(default=None, name="to")
    other: _Name | None = msgspec.field(default=None, name="with")
    map_schemas: Annotated[dict[_Name, _Name], Meta(max_length=1000)] = {}
    catalog: dict[str, Any] | None = None
    file: _Name = "catalog.json"
    store: bool = True
    limit: _Limit = DEFAULT_LIMIT

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``Diffs.fulfil``; raises :class:`InvalidRequest` where they contradict each other."""
        told: dict[str, Any] = {"source_id": self.source_id, "mapping": self.map_schemas, "store": self.store}
        if self.catalog is None:
            return told | {"before": self.before, "after": self.after, "other": self.other}
        if self.other or self.after:
            raise InvalidRequest("A catalogue is the other side already", fix="Leave out `with` and `to`", field="catalog")
        return told | {
            "file": parse_catalog(msgspec.json.encode(self.catalog), PurePath(self.file).name or "catalog.json"),
            "at": self.before,
        }


class GateQuestion(GateRequest, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=GATE_NAMES):
    """What a gate is asked: see ``factbook gate --help``. With ``scan`` the source is scanned first, as a job."""

    scan: bool = False


class DbtBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What dbt wrote: the content of ``manifest.json``, and of ``catalog.json``, ``run_results.json`` and ``sources.json`` where there
    are. The tables are those of ``source_id``, else of the only scanned source that has them."""

    manifest: msgspec.Raw
    catalog: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    run_results: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    sources: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    source_id: _Name | None = None

    def artefacts(self) -> Artefacts:
        """Return the artefacts that were sent."""
        others = (bytes(raw) if bytes(raw) not in (b"", b"null") else None for raw in (self.catalog, self.run_results, self.sources))
        return Artefacts(bytes(self.manifest), *others)


class NameSettlement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a name means: ``as`` is a table, ``source.schema.table``; without a ``name`` it is the source that the namespace as a whole
    means. Or it is to be ignored."""

    namespace: _Name
    name: _Name | None = None
    meant: _Text | None = msgspec.field(default=None, name="as")
    ignore: bool = False
    reason: _Text | None = None

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``NameLedger.settle``."""
        return {"namespace": self.namespace, "name": self.name, "meant": self.meant, "ignored": self.ignore, "reason": self.reason}


class SqlText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Statements to read. ``name`` is what facts know the text by, so that the same name later stands for its next version; without one it
    is known by what is in it. ``dialect`` is in place of the source's own, ``search_path`` names schemas for tables without one,
    ``hide_literals`` keeps the strings in the statements out of the facts, and ``dry_run`` stores nothing."""

    source_id: _Name
    sql: Annotated[str, Meta(min_length=1, max_length=1_000_000, pattern=r"^[^\x00]*$")]
    name: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00]*$")] | None = None
    dialect: _Name | None = None
    search_path: Annotated[list[_Name], Meta(max_length=100)] = []
    hide_literals: bool = False
    dry_run: bool = False

    def options(self) -> Options:
        """Return how the text is read."""
        return Options(dialect=self.dialect, search_path=tuple(self.search_path), hides_literals=self.hide_literals, dry_run=self.dry_run)


class QualityTrigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to judge: a registered ``source_id`` (else the one the rules name, or the configured one) by the rules in ``document``, the text
    of a rules file or a data contract; without it, by the server's own rules. ``tables``, ``rules`` and ``tags`` choose among them.
    """

    source_id: _SourceId | None = None
    document: Annotated[str, Meta(min_length=1, max_length=262_144, pattern=r"^[^\x00]*$")] | None = None
    tables: _Patterns = []
    rules: _Patterns = []
    tags: _Patterns = []
    budget_seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None

    def options(self, qualities: Qualities) -> dict[str, Any]:
        """Return the arguments of ``Rooms.submit_quality``; raises :class:`InvalidRequest` where no rules are there."""
        sent = None if self.document is None else Rulebook("document", self.document, allows_sql=False)
        return {
            "source": self.source_id,
            "rules": sent or qualities.own_rulebook(),
            "tables": self.tables,
            "only_rules": self.rules,
            "tags": self.tags,
            "budget_seconds": self.budget_seconds,
        }


class ProfileTrigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to measure: a registered ``source_id``, a ``url`` (under ``source_id`` as its name, if given), or the configured source.

    ``sample`` is ``10000`` or ``2.5%``, ``budget`` holds ``30s``, ``1000000rows`` or ``1GB``; ``resume`` is a job to go on with.
    """

    source_id: _SourceId | None = None
    url: _Url | None = None
    tables: _Patterns = []
    sample: _Text | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1
    budget: Annotated[list[_Text], Meta(max_length=3)] = []
    full: bool = False
    engine_statistics: Literal["auto", "only", "never"] = "auto"
    exclude_columns: _Patterns = []
    resume: _Text | None = None

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``Rooms.submit_profile``; raises :class:`~factbook.errors.InvalidRequest`."""
        wanted = ProfileOptions(
            tables=self.tables,
            sampling=None if self.sample is None else parse_sample(self.sample, seed=self.seed),
            budget=parse_budget(self.budget),
            exclude_columns=self.exclude_columns,
            engine_statistics=self.engine_statistics,
            full=self.full,
        )
        source = self.url or self.source_id
        return {"source": source, "source_id": self.source_id if self.url else None, "options": wanted, "resume": self.resume}


class NewSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source to register. The password, in the URL or beside it, is kept encrypted and never shown again; ``${NAME}`` in the
    URL is read from the server's environment whenever it connects."""

    source_id: _Text
    url: _Text
    password: _Text | None = None


class LatestQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of which ``targets``, or of what ``within`` a source or schema, the last record of a kind is wanted. Pages are cut by target."""

    kind: _Name
    targets: _Targets | None = None
    within: Within | None = None
    producer_id: _Name | None = None
    tenant: _Name | None = None
    as_of: _Moment | None = None
    limit: _Limit = DEFAULT_LIMIT
    cursor: _Text | None = None

    def __post_init__(self) -> None:
        _check_question(self.targets, self.within, as_of=self.as_of)
        if self.targets is None and self.within is None:
            raise ValueError("either targets or within is needed")

    @property
    def picked(self) -> Targets:
        return self.within or self.targets or []


class RecordQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What records of a kind are wanted: of some ``targets``, or all ``within`` a source or schema; all of ``where`` must hold."""

    kind: _Name
    targets: _Targets | None = None
    within: Within | None = None
    where: Annotated[list[Condition], Meta(max_length=100)] = []
    producer_id: _Name | None = None
    tenant: _Name | None = None
    since: _Moment | None = None
    until: _Moment | None = None
    order: Literal["asc", "desc"] = "asc"
    limit: _Limit = DEFAULT_LIMIT
    cursor: _Text | None = None

    def __post_init__(self) -> None:
        _check_question(self.targets, self.within, since=self.since, until=self.until)

    @property
    def picked(self) -> Targets | None:
        return self.within or self.targets


class NewVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next version of a kind; ``version`` is found out where it is not given."""

    schema: dict[str, Any]
    version: int | None = None


class KindChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a kind beside its schemas; what is not given stays. ``indexed`` replaces all paths."""

    description: _Text | None = None
    compatibility: Compatibility | None = None
    indexed: list[_Text] | None = None


class NewDeprecation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a kind, or one ``version`` of it, should no longer be used, and what to use instead. From ``retires_at`` on it is refused."""

    reason: _Text
    version: int | None = None
    successor: _Text | None = None
    retires_at: _Moment | None = None

    def __post_init__(self) -> None:
        if self.retires_at is not None:
            as_utc(self.retires_at, "retires_at")


class VersionChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ``version`` of a kind, or the kind itself."""

    version: int | None = None


class SourcePage(msgspec.Struct, frozen=True):
    """Registered sources by id."""

    items: list[Connection]
    next_cursor: str | None


class TokenWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to make. Each of ``grants`` is an action (read, write, admin) on a tenant, a namespace and kinds, names or patterns with
    ``*``; without ``expires_at`` it is good until it is revoked."""

    name: _Name
    grants: Annotated[list[Grant], Meta(min_length=1, max_length=MAX_GRANTS)]
    expires_at: _Moment | None = None


class TokenPage(msgspec.Struct, frozen=True):
    """Tokens by id, without their values."""

    items: list[Token]
    next_cursor: str | None


class PolicyList(msgspec.Struct, frozen=True):
    """The policy in force for each kind, by name."""

    items: list[KindPolicy]


class KindSummary(msgspec.Struct, frozen=True):
    """A kind without its schemas. ``origin`` says who declares it; of an ``unverified`` one there are records, and no declaration."""

    name: str
    category: Category
    description: str
    versions: list[int]
    origin: Origin
    compatibility: Compatibility
    indexed: tuple[str, ...]
    deprecated: Deprecation | None
    deprecated_versions: list[int]


class KindPage(msgspec.Struct, frozen=True):
    """Kinds by name."""

    items: list[KindSummary]
    next_cursor: str | None


class RecordPage(msgspec.Struct, frozen=True):
    """Records by ``(produced_at, offset)``. ``next_cursor`` continues; ``null`` says there is no more."""

    items: list[StoredRecord]
    next_cursor: str | None


class OffsetPage(msgspec.Struct, frozen=True):
    """Records, continued by passing ``next_after_offset`` as ``after_offset``. ``null`` ends a history; a tail never ends."""

    items: list[StoredRecord]
    next_after_offset: int | None


class RecordResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the record at ``index`` (from 0) of those sent; ``reason`` and ``field`` say why it was rejected."""

    index: int
    outcome: Literal["stored", "duplicate", "unchanged", "rejected"]
    offset: int | None = None
    id: str | None = None
    reason: str | None = None
    field: str | None = None


class StoreReport(msgspec.Struct, frozen=True):
    """``counts`` by outcome, one result a record in the order sent, and ``warnings`` about kinds: deprecated, or unknown."""

    counts: dict[str, int]
    results: list[RecordResult]
    warnings: list[str] = []


class HealthBrief(msgspec.Struct, frozen=True):
    """What ``/health`` tells those without the key."""

    status: Literal["ok", "degraded", "unavailable"]


def _check_question(targets: list[MetadataTarget] | None, within: Within | None, **moments: datetime | None) -> None:
    """Refuse what the types let through: both selections at once, names no store can hold, moments outside the years 1 to 9999 in UTC."""
    if targets is not None and within is not None:
        raise ValueError("targets and within exclude each other")
    if within is not None:
        check_name(within.source_id, "within.source_id")
        check_name(within.schema, "within.schema")
    for name, moment in moments.items():
        if moment is not None:
            as_utc(moment, name)


def summarise(kind: Kind) -> KindSummary:
    """Return a kind as the list shows it."""
    return KindSummary(
        kind.name,
        kind.category,
        kind.description,
        sorted(kind.schemas),
        kind.origin,
        kind.compatibility,
        kind.indexed,
        kind.deprecated,
        sorted(kind.deprecated_versions),
    )


def report_of(report: BulkReport) -> StoreReport:
    """Return a bulk's report as HTTP tells it."""
    return StoreReport(report.counts, [_result(index, result) for index, result in enumerate(report.results)], report.warnings)


def _result(index: int, result: Any) -> RecordResult:
    if isinstance(result, Rejection):
        return RecordResult(index, "rejected", reason=result.reason, field=result.field)
    return RecordResult(index, result.outcome.value, result.offset, result.id)


def page_of(items: Sequence[T], name: Callable[[T], str], *, limit: int, cursor: str | None) -> tuple[list[T], str | None]:
    """Cut a page out of a short list that is sorted by name; the cursor is the last name of the page before."""
    rest = [item for item in items if cursor is None or name(item) > cursor]
    page = rest[:limit]
    return page, name(page[-1]) if len(rest) > limit else None
