"""What a route needs of whoever asks, and the rooms of the tenant that is meant: decided here, before a route is reached.

The tenant of a request is the one it names, else the only one its token knows, else the server's own. A route declares its needs by one of
the annotations below (``def list_jobs(rooms: JobReader)``). One that declares none is closed to tokens other than those of admins of every
tenant, so that a new route shows nothing by accident. Nothing here looks anything up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from fastapi import Depends
from starlette.requests import Request

from factbook.access import Action, Principal
from factbook.access.audit import Tally
from factbook.access.scoped import ScopedRepository, not_allowed
from factbook.access.scopes import EVERYTHING, Who, of_nobody
from factbook.access.writing import write_check
from factbook.api.parameters import TenantName
from factbook.dbt import WRITES as DBT_WRITES
from factbook.dictionary.projection import DictionaryProjection
from factbook.diff.impact import KINDS
from factbook.errors import InvalidRecord, InvalidRequest, NotAllowed
from factbook.finding import Part
from factbook.history.service import JOB_TYPES
from factbook.jobs import Job
from factbook.jobs.projection import JobsProjection
from factbook.knowledge.authors import author_type
from factbook.knowledge.finding import READS as NOTE_READS
from factbook.knowledge.suggestions import READS as SUGGESTION_READS
from factbook.lineage.projection import LineageProjection
from factbook.lint.tables import READS as LINT_READS
from factbook.names.ledger import LEDGER_READS
from factbook.names.resolver import READS as NAME_READS
from factbook.openlineage.receiving import KINDS as TOLD_IN_EVENTS
from factbook.products.analytics import AGE_READS, USAGE_READS
from factbook.products.conformance import READS as PRODUCT_READS
from factbook.products.health import READS as HEALTH_READS
from factbook.quality.series import KINDS as MEASUREMENTS
from factbook.serving.model import READS as ROW_READS
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.repository.contract import Rejection, Stored

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.rooms import Rooms


class Asking(msgspec.Struct):
    """Who asks in one request, for what; the guard makes it, the needs of the route fill it in, and the audit trail is told from it.

    ``renew`` checks the request's token again.
    """

    principal: Principal = of_nobody()
    renew: Callable[[], object] = lambda: None
    action: Action | None = None
    tenant: str | None = None
    subject: str | None = None
    tally: Tally = msgspec.field(default_factory=Tally)


def asking(request: Request) -> Asking:
    """Return who asks."""
    found: Asking = request.state.asking
    return found


def tenant_meant(request: Request, named: str | None) -> str:
    """Return the tenant a request is about; raises :class:`InvalidRequest` if that cannot be told. Whether it may be is the next question.

    The server's own tenant is meant only by those who know it, so that no refusal tells its name.
    """
    house: Factbook = request.app.state.factbook
    principal, own = asking(request).principal, house.settings.tenant
    meant = named or principal.only_tenant or (own if any(principal.may_some(action, own) for action in Action) else None)
    if meant is None:
        raise InvalidRequest("No tenant is named", why=f"{principal} is for several", fix="Add ?tenant=NAME", field="tenant")
    return meant


Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
Demand = tuple[Action, tuple[str, ...]]
"""An action on kinds."""


def admit(request: Request, tenant: str, *demands: Demand) -> Rooms:
    """Return a tenant's rooms if every demand is granted, whatever the namespace; raises :class:`NotAllowed`.

    What is made of facts of several namespaces, as the dictionary and the job list are, cannot be shown in part.
    """
    asked = asking(request)
    asked.action = demands[-1][0]
    for action, kinds in demands:
        if not asked.principal.may_all(action, tenant, kinds):
            raise not_allowed(asked.principal, action, tenant, [] if EVERYTHING in kinds else kinds)
    asked.tenant = tenant
    house: Factbook = request.app.state.factbook
    return house.of(tenant)


def needs(*demands: Demand) -> Any:
    """Return the dependency that admits a request to the rooms of its tenant by these demands."""

    async def rooms(request: Request, tenant: TenantName = None) -> Rooms:
        return admit(request, tenant_meant(request, tenant), *demands)

    _DECLARING.add(rooms)
    _DEMANDS[rooms] = demands
    return Depends(rooms)


def would_admit(request: Request, tenant: str, declared: Any) -> bool:
    """Return whether whoever asks has what one of the annotations below demands, so that a page offers only what its route would do."""
    (dependency,) = declared.__metadata__
    principal = asking(request).principal
    return all(principal.may_all(action, tenant, kinds) for action, kinds in _DEMANDS[dependency.dependency])


_DECLARING: set[Any] = set()
"""The dependencies by which a route declares what it needs."""

_DEMANDS: dict[Any, tuple[Demand, ...]] = {}
"""What these dependencies demand, where they demand it of everybody alike."""

_DECLARES: dict[Any, bool] = {}
"""Whether a route does, by its function."""

_WORK = (EVERYTHING,)
"""A job may write facts of any kind, so that to start one is to write all of them."""

_ADMIN: Demand = (Action.ADMIN, _WORK)
TenantAdmin = Annotated["Rooms", needs(_ADMIN)]
PolicyReader = Annotated["Rooms", needs((Action.READ, ("retention_policy",)))]


async def _house_of_admins(request: Request) -> Factbook:
    """Return the whole house, which is for those who administer every tenant; raises :class:`NotAllowed`."""
    asked = asking(request)
    asked.action = Action.ADMIN
    house: Factbook = request.app.state.factbook
    if not asked.principal.runs_the_server:
        raise NotAllowed(
            f"{asked.principal} may not do this",
            why="it is done for every tenant of the server",
            fix="Use the API key or a token that is an admin of every tenant",
        )
    asked.tenant = house.settings.tenant
    return house


_DECLARING.add(_house_of_admins)


def check_may_run(request: Request, job: Job) -> None:
    """Refuse to cancel or repeat a job that is done for every tenant to whoever does not administer them all."""
    if job.job_type in JOB_TYPES and not asking(request).principal.runs_the_server:
        raise NotAllowed(
            f"{asking(request).principal} may not do this",
            why=f"a job of type {job.job_type} is done for every tenant of the server",
            fix="Use the API key or a token that is an admin of every tenant",
        )


ServerAdmin = Annotated["Factbook", Depends(_house_of_admins)]


def check_connecting(request: Request, rooms: Rooms) -> None:
    """Refuse to be told a new address to connect to by a token, unless it is an admin's.

    In the server's own tenant addresses may use the server's files and environment, so there it must be an admin of every tenant.
    """
    principal = asking(request).principal
    admit(request, rooms.tenant, _ADMIN)
    if rooms.is_own and not principal.runs_the_server:
        raise NotAllowed(
            f"{principal} may not register sources of the server's own tenant",
            why="their URLs may use the server's files and environment",
            fix="Use the API key or a token that is an admin of every tenant",
            field="url",
        )


def check_scanning(request: Request, rooms: Rooms) -> None:
    """Refuse whoever may not start a scan."""
    admit(request, rooms.tenant, (Action.WRITE, _WORK))


def searchable(request: Request, rooms: Rooms) -> frozenset[Part]:
    """Return the parts that whoever asks may search: those whose facts they may read. Raises :class:`NotAllowed` where there is none."""
    principal, tenant = asking(request).principal, rooms.tenant
    found = frozenset(part for part, kinds in _SEARCHED.items() if principal.may_all(Action.READ, tenant, kinds))
    if not found:
        raise not_allowed(principal, Action.READ, tenant, STRUCTURE)
    return found


def check_admin(request: Request, tenant: str) -> None:
    """Refuse whoever does not administer a tenant; ``*`` is all of them."""
    admit(request, tenant, _ADMIN)


def author_meant(request: Request, rooms: Rooms, named: str | None) -> str:
    """Return who says something: whoever asks, unless another author is named. Raises :class:`NotAllowed` for the name of another person.

    An agent or a rule may be named by whoever may write; a person only by an admin, so that nobody speaks for others.
    """
    principal = asking(request).principal
    own = f"person:{principal.name if principal.who is Who.TOKEN else principal.who}"
    if named is None or named == own:
        return own
    if author_type(named) == "person" and not principal.may_all(Action.ADMIN, rooms.tenant):
        raise NotAllowed(
            f"{principal} may not speak as {named}", why="that is another person", fix=f"Leave author out: you are {own}", field="author"
        )
    return named


async def _tokens_of(request: Request, rooms: TenantAdmin, tenant: TenantName = None) -> str | None:
    """Return whose tokens are meant; ``None`` for all there are, which is what an admin of every tenant means who names none."""
    return None if tenant is None and asking(request).principal.runs_every_tenant else rooms.tenant


async def _open() -> None:
    """Do nothing: that a route depends on this declares that it shows nothing of any tenant."""


async def close_undeclared(request: Request) -> None:
    """Refuse a route that declares no needs to whoever does not run the server."""
    principal = asking(request).principal
    if not principal.runs_the_server and not declares_needs(request.scope["route"]):
        raise NotAllowed(f"{principal} may not use this route", why="it is for those who run the server", fix="Use the API key")


def declares_needs(route: Any) -> bool:
    """Return whether a route says what it needs of whoever asks."""
    known = _DECLARES.get(route.endpoint)
    if known is None:
        known = _DECLARES[route.endpoint] = _declares(route.dependant)
    return known


def _declares(dependant: Any) -> bool:
    return dependant.call in _DECLARING or any(map(_declares, dependant.dependencies))


def judges_itself(endpoint: Endpoint) -> Endpoint:
    """Declare that a route checks what it needs in its own body, as the hottest does."""
    _DECLARING.add(endpoint)
    return endpoint


async def _records(request: Request) -> ScopedRepository:
    house: Factbook = request.app.state.factbook
    asked = asking(request)
    return ScopedRepository(house.repository, asked.principal, tally=asked.tally)


async def _reads_of(request: Request, tenant: TenantName = None) -> str:
    return reads_of(request, tenant)


def reads_of(request: Request, tenant: str | None) -> str:
    """Return the tenant whose records a request reads; the repository that is handed to the route checks whether it may."""
    asked = asking(request)
    asked.action, asked.tenant = Action.READ, tenant_meant(request, tenant)
    return asked.tenant


async def _kinds_of(request: Request, tenant: TenantName = None) -> str:
    """Return the tenant whose kinds are shown: to whoever may do anything there."""
    asked = asking(request)
    meant = tenant_meant(request, tenant)
    if not any(asked.principal.may_some(action, meant) for action in Action):
        raise not_allowed(asked.principal, Action.READ, meant)
    asked.action, asked.tenant = Action.READ, meant
    return meant


async def _rooms_of_any(request: Request, tenant: TenantName = None) -> Rooms:
    """Return the rooms of a tenant to whoever may do anything there."""
    meant = await _kinds_of(request, tenant)
    asking(request).tenant = meant
    house: Factbook = request.app.state.factbook
    return house.of(meant)


def may_know(request: Request, tenant: str, kind: str) -> bool:
    """Return whether whoever asks may read or write anything of a kind, and so may know its declaration."""
    return any(asking(request).principal.namespaces(action, tenant, kind) for action in (Action.READ, Action.WRITE))


class Writes(msgspec.Struct, frozen=True):
    """What a request to store records needs: ``refusal_of`` each record, ``records`` to store through, and where to count."""

    refusal_of: Callable[[MetadataRecord], InvalidRecord | None]
    records: ScopedRepository
    count: Callable[[Sequence[str], Sequence[Stored | Rejection]], None]


def writes_of(request: Request) -> Writes:
    """Return how a request may store records, which may be of several tenants; raises :class:`NotAllowed` if it may store none."""
    asked = asking(request)
    asked.action = Action.WRITE
    if not asked.principal.may_write:
        raise not_allowed(asked.principal, Action.WRITE, tenant_meant(request, None))
    house: Factbook = request.app.state.factbook
    check = write_check(asked.principal)
    return Writes(check.of, ScopedRepository(house.repository, asked.principal, tally=asked.tally), asked.tally.add)


def still_good(request: Request) -> None:
    """Raise :class:`KeyRequired` if the token that a long request came with is over by now. It may look the token up: not for the loop."""
    asking(request).renew()


JOBS = tuple(sorted(JobsProjection.kinds))
STRUCTURE = tuple(sorted(DictionaryProjection.kinds))
_SCANS = ("catalog_scan",)
_NOTES = ("annotation",)
_GLOSSARY = ("annotation", "glossary_term")
ALERTS = ("alert",)
_COMPARED: Demand = (Action.READ, ("catalog_scan", "schema_snapshot", "statistics_snapshot"))
_CONTRACTS = ("data_contract",)
_PROMISED: Demand = (Action.READ, ("catalog_scan", "data_contract", "schema_snapshot"))
"""What is read to bind a contract to its tables, and to hold them against it."""
_QUALITY = ("quality_result", "quality_score", "sla_adherence")
_PROFILES = ("statistics_snapshot",)
_LINEAGE: Demand = (Action.READ, tuple(sorted({*LineageProjection.kinds, "catalog_scan", "data_product", "schema_snapshot"})))
"""Scans and products tell whether a name is known of which there is no lineage."""

_DECLARING |= {_records, _open, _kinds_of, _rooms_of_any}

Records = Annotated[ScopedRepository, Depends(_records)]
"""The log as whoever asks may use it."""

Tenant = Annotated[str, Depends(_reads_of)]
"""The tenant whose records the request reads."""

KindsOf = Annotated[str, Depends(_kinds_of)]
"""The tenant whose kinds are shown."""

OPEN = Depends(_open)
_GATES = tuple(sorted({"catalog_scan", "statistics_snapshot", "table_observation", *KINDS}))
"""What is read to compare, and to say whom changes hit."""

GateReader = Annotated["Rooms", needs((Action.READ, _GATES))]
DictionaryReader = Annotated["Rooms", needs((Action.READ, STRUCTURE))]
_SEARCHED: dict[Part, tuple[str, ...]] = {
    "structure": STRUCTURE,
    "notes": NOTE_READS,
    "products": ("data_product",),
    "contracts": _CONTRACTS,
    "glossary": _GLOSSARY,
}
_NAMED = (Action.READ, tuple(sorted({"annotation", *LEDGER_READS})))
DbtIngester = Annotated["Rooms", needs(_NAMED, (Action.WRITE, DBT_WRITES))]
NameReader = Annotated["Rooms", needs((Action.READ, LEDGER_READS))]
NameKeeper = Annotated["Rooms", needs((Action.READ, LEDGER_READS), (Action.WRITE, ("name_binding",)))]
SqlReader = Annotated["Rooms", needs((Action.READ, (*NAME_READS, "lineage", "lineage_run")), (Action.WRITE, ("lineage", "lineage_run")))]
LintReader = Annotated["Rooms", needs((Action.READ, LINT_READS))]
LineageReader = Annotated["Rooms", needs(_LINEAGE)]
LineageWriter = Annotated["Rooms", needs(_LINEAGE, (Action.WRITE, ("lineage",)))]
LineageProducer = Annotated["Rooms", needs((Action.WRITE, TOLD_IN_EVENTS))]
NoteReader = Annotated["Rooms", needs((Action.READ, NOTE_READS))]
NoteKeeper = Annotated["Rooms", needs((Action.READ, NOTE_READS), (Action.WRITE, _NOTES))]
SuggestionReader = Annotated["Rooms", needs((Action.READ, SUGGESTION_READS))]
SuggestionJudge = Annotated["Rooms", needs((Action.READ, SUGGESTION_READS), (Action.WRITE, _NOTES))]
GlossaryReader = Annotated["Rooms", needs((Action.READ, _GLOSSARY))]
GlossaryKeeper = Annotated["Rooms", needs((Action.READ, _GLOSSARY), (Action.WRITE, ("glossary_term",)))]
Visitor = Annotated["Rooms", Depends(_rooms_of_any)]
"""The rooms of a tenant in which whoever asks may do anything at all: the route itself asks what may be shown."""
TableReader = Annotated["Rooms", needs((Action.READ, _GATES))]
"""What a table's page shows: structure, measurements, notes and who uses it."""
TableQualityReader = Annotated["Rooms", needs((Action.READ, _GATES), (Action.READ, _QUALITY))]
TableUseReader = Annotated["Rooms", needs((Action.READ, _GATES), _LINEAGE)]
AnomalyFactReader = Annotated["Rooms", needs((Action.READ, ("anomaly",)))]
"""The anomalies that quality runs found, which tell numbers of what was measured."""
AlertReader = Annotated["Rooms", needs((Action.READ, ALERTS))]
AlertKeeper = Annotated["Rooms", needs((Action.READ, ALERTS), (Action.WRITE, ALERTS))]
DiffReader = Annotated["Rooms", needs(_COMPARED)]
StoredDiffReader = Annotated["Rooms", needs((Action.READ, ("catalog_diff",)))]
DiffWriter = Annotated["Rooms", needs(_COMPARED, (Action.WRITE, ("catalog_diff",)))]
QualityReader = Annotated["Rooms", needs((Action.READ, _QUALITY))]
ReconReader = Annotated["Rooms", needs((Action.READ, ("recon_result",)))]
AnomalyReader = Annotated["Rooms", needs((Action.READ, MEASUREMENTS))]
ContractReader = Annotated["Rooms", needs((Action.READ, _CONTRACTS))]
PromiseReader = Annotated["Rooms", needs(_PROMISED)]
"""Whether a contract's promises about structure are kept, which is told from the last scans."""
ContractKeeper = Annotated["Rooms", needs(_PROMISED, (Action.WRITE, _CONTRACTS))]
ContractEnder = Annotated["Rooms", needs((Action.READ, _CONTRACTS), (Action.WRITE, _CONTRACTS))]
ContractChecker = Annotated["Rooms", needs(_PROMISED, (Action.WRITE, ("quality_result",)))]
ProductDocumentReader = Annotated["Rooms", needs((Action.READ, ("data_product",)))]
ProductDocumentKeeper = Annotated["Rooms", needs(_PROMISED, (Action.READ, ("data_product",)), (Action.WRITE, ("data_product",)))]
JobReader = Annotated["Rooms", needs((Action.READ, JOBS))]
JobRunner = Annotated["Rooms", needs((Action.READ, JOBS), (Action.WRITE, _WORK))]
Scanner = Annotated["Rooms", needs((Action.WRITE, _WORK))]
ProfileReader = Annotated["Rooms", needs((Action.READ, _PROFILES))]
Profiler = Annotated["Rooms", needs((Action.WRITE, _WORK))]
ProductReader = Annotated["Rooms", needs((Action.READ, PRODUCT_READS))]
ProductKeeper = Annotated["Rooms", needs((Action.READ, PRODUCT_READS), (Action.WRITE, ("data_product",)))]
DomainReader = Annotated["Rooms", needs((Action.READ, ("data_product",)))]
ProductAgeReader = Annotated["Rooms", needs((Action.READ, AGE_READS))]
ProductHealthReader = Annotated["Rooms", needs((Action.READ, HEALTH_READS))]
"""What a product's page shows of the data behind it: scores, promises, age."""
RowReader = Annotated["Rooms", needs((Action.READ, ROW_READS))]
UsageReader = Annotated["Rooms", needs((Action.READ, USAGE_READS))]
SourceReader = Annotated["Rooms", needs((Action.READ, _SCANS))]
SourceTester = Annotated["Rooms", needs((Action.READ, _SCANS), (Action.WRITE, _WORK))]
TokenAdmin = Annotated["str | None", Depends(_tokens_of)]
"""The tenant whose tokens are meant, of which whoever asks is an admin; ``None`` for all there are."""
