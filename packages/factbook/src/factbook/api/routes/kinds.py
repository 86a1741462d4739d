"""``/kinds``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import KindsOf, TenantAdmin, may_know
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, House, Limit, PathName
from factbook.api.schemas import KindChanges, KindPage, NewDeprecation, NewVersion, VersionChoice, page_of, summarise
from factbook.errors import NotFound, UnknownKind
from factbook.kinds import Proposal, Registered, Verdict
from factbook_sdk.facts import Kind, Origin

router = APIRouter(tags=["kinds"])

_REFUSALS = (409, 422, *WRITE_ERRORS)
_CHANGES = (404, *_REFUSALS)


@router.get("/kinds", responses=described(KindPage, "Kinds by name."))
def list_kinds(request: Request, house: House, tenant: KindsOf, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """List the kinds that records may have: built-in, registered, and those of which unverified records were taken."""
    kinds = [summarise(kind) for kind in house.kinds.listed(tenant) if _is_shown(request, tenant, kind)]
    return answers.json(KindPage(*page_of(kinds, lambda kind: kind.name, limit=limit, cursor=cursor)))


@router.post(
    "/kinds",
    responses=described(Registered, "The kind, and whether anything was changed.", errors=_REFUSALS),
    openapi_extra=takes(Proposal),
)
def register_kind(house: House, rooms: TenantAdmin, proposal: Annotated[Proposal, json_body(Proposal)]) -> Response:
    """Register a kind. The same again changes nothing; a kind that is there and differs is left as it is."""
    return answers.json(house.kinds.register(proposal, rooms.tenant, only_new=True))


@router.post(
    "/kinds/check",
    responses=described(Verdict, "What registering would do, change by change.", errors=_REFUSALS),
    openapi_extra=takes(Proposal),
)
def check_kind(house: House, rooms: TenantAdmin, proposal: Annotated[Proposal, json_body(Proposal)]) -> Response:
    """Say what registering a kind, or its next version, would do. This changes nothing."""
    return answers.json(house.kinds.check(proposal, rooms.tenant))


@router.get("/kinds/{name}", responses=described(Kind, "The kind with the JSON Schema of each version.", errors=(404,)))
def show_kind(request: Request, house: House, tenant: KindsOf, name: PathName) -> Response:
    """Show one kind."""
    kind = _existing(house, name, tenant)
    if not _is_shown(request, tenant, kind):
        raise _unknown(name)
    return answers.json(kind)


@router.patch("/kinds/{name}", responses=described(Kind, "The kind as it is now.", errors=_CHANGES), openapi_extra=takes(KindChanges))
def change_kind(house: House, rooms: TenantAdmin, name: PathName, changes: Annotated[KindChanges, json_body(KindChanges)]) -> Response:
    """Change a kind's description, compatibility or indexed paths. A path indexed from now on is filled from the log at once."""
    kind = _existing(house, name, rooms.tenant)
    changed = house.kinds.describe(
        kind.name, description=changes.description, compatibility=changes.compatibility, indexed=changes.indexed, tenant=rooms.tenant
    )
    return answers.json(changed)


@router.post(
    "/kinds/{name}/versions",
    responses=described(Registered, "The kind, and whether a version was added.", errors=_CHANGES),
    openapi_extra=takes(NewVersion),
)
def add_version(house: House, rooms: TenantAdmin, name: PathName, new: Annotated[NewVersion, json_body(NewVersion)]) -> Response:
    """Register the next version of a kind, if its compatibility allows the changes. The same schema again changes nothing."""
    kind = _existing(house, name, rooms.tenant)
    return answers.json(house.kinds.add_version(kind.name, new.schema, new.version, rooms.tenant))


@router.post(
    "/kinds/{name}/deprecate",
    responses=described(Kind, "The kind as it is now.", errors=_CHANGES),
    openapi_extra=takes(NewDeprecation),
)
def deprecate_kind(house: House, rooms: TenantAdmin, name: PathName, new: Annotated[NewDeprecation, json_body(NewDeprecation)]) -> Response:
    """Say that a kind, or one version, should no longer be used. Its records are taken with a warning, and refused once it is retired."""
    kind = _existing(house, name, rooms.tenant)
    changed = house.kinds.deprecate(
        kind.name, reason=new.reason, version=new.version, successor=new.successor, retires_at=new.retires_at, tenant=rooms.tenant
    )
    return answers.json(changed)


@router.post(
    "/kinds/{name}/restore",
    responses=described(Kind, "The kind as it is now.", errors=_CHANGES),
    openapi_extra=takes(VersionChoice, required=False),
)
def restore_kind(
    house: House, rooms: TenantAdmin, name: PathName, choice: Annotated[VersionChoice, json_body(VersionChoice, empty=VersionChoice)]
) -> Response:
    """Take the deprecation of a kind, or of one version, back."""
    kind = _existing(house, name, rooms.tenant)
    return answers.json(house.kinds.restore(kind.name, version=choice.version, tenant=rooms.tenant))


def _existing(house: House, name: str, tenant: str) -> Kind:
    try:
        return house.kinds.get(name, tenant)
    except UnknownKind as error:
        raise _unknown(name) from error


def _unknown(name: str) -> NotFound:
    return NotFound(f"The kind {name!r} is unknown", fix="GET /kinds lists what there is", field="name")


def _is_shown(request: Request, tenant: str, kind: Kind) -> bool:
    """Built-in kinds are no secret; others are shown to those who may read or write something of them."""
    return kind.origin is Origin.BUILTIN or may_know(request, tenant, kind.name)
