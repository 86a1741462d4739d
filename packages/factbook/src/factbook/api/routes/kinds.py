"""``/kinds``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from factbook.api import answers
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, House, Limit, PathName
from factbook.api.schemas import KindChanges, KindPage, NewDeprecation, NewVersion, VersionChoice, page_of, summarise
from factbook.api.tenancy import Tenant
from factbook.errors import NotFound, UnknownKind
from factbook.kinds import Proposal, Registered, Verdict
from factbook_sdk.facts import Kind

router = APIRouter(tags=["kinds"])

_REFUSALS = (409, 422, *WRITE_ERRORS)
_CHANGES = (404, *_REFUSALS)


@router.get("/kinds", responses=described(KindPage, "Kinds by name."))
def list_kinds(house: House, tenant: Tenant, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """List the kinds that records may have: built-in, registered, and those of which unverified records were taken."""
    kinds = [summarise(kind) for kind in house.kinds.listed(tenant)]
    return answers.json(KindPage(*page_of(kinds, lambda kind: kind.name, limit=limit, cursor=cursor)))


@router.post(
    "/kinds",
    responses=described(Registered, "The kind, and whether anything was changed.", errors=_REFUSALS),
    openapi_extra=takes(Proposal),
)
def register_kind(house: House, tenant: Tenant, proposal: Annotated[Proposal, json_body(Proposal)]) -> Response:
    """Register a kind. The same again changes nothing; a kind that is there and differs is left as it is."""
    return answers.json(house.kinds.register(proposal, tenant, only_new=True))


@router.post(
    "/kinds/check",
    responses=described(Verdict, "What registering would do, change by change.", errors=_REFUSALS),
    openapi_extra=takes(Proposal),
)
def check_kind(house: House, tenant: Tenant, proposal: Annotated[Proposal, json_body(Proposal)]) -> Response:
    """Say what registering a kind, or its next version, would do. This changes nothing."""
    return answers.json(house.kinds.check(proposal, tenant))


@router.get("/kinds/{name}", responses=described(Kind, "The kind with the JSON Schema of each version.", errors=(404,)))
def show_kind(house: House, tenant: Tenant, name: PathName) -> Response:
    """Show one kind."""
    return answers.json(_existing(house, name, tenant))


@router.patch("/kinds/{name}", responses=described(Kind, "The kind as it is now.", errors=_CHANGES), openapi_extra=takes(KindChanges))
def change_kind(house: House, tenant: Tenant, name: PathName, changes: Annotated[KindChanges, json_body(KindChanges)]) -> Response:
    """Change a kind's description, compatibility or indexed paths. A path indexed from now on is filled from the log at once."""
    kind = _existing(house, name, tenant)
    changed = house.kinds.describe(
        kind.name, description=changes.description, compatibility=changes.compatibility, indexed=changes.indexed, tenant=tenant
    )
    return answers.json(changed)


@router.post(
    "/kinds/{name}/versions",
    responses=described(Registered, "The kind, and whether a version was added.", errors=_CHANGES),
    openapi_extra=takes(NewVersion),
)
def add_version(house: House, tenant: Tenant, name: PathName, new: Annotated[NewVersion, json_body(NewVersion)]) -> Response:
    """Register the next version of a kind, if its compatibility allows the changes. The same schema again changes nothing."""
    kind = _existing(house, name, tenant)
    return answers.json(house.kinds.add_version(kind.name, new.schema, new.version, tenant))


@router.post(
    "/kinds/{name}/deprecate",
    responses=described(Kind, "The kind as it is now.", errors=_CHANGES),
    openapi_extra=takes(NewDeprecation),
)
def deprecate_kind(house: House, tenant: Tenant, name: PathName, new: Annotated[NewDeprecation, json_body(NewDeprecation)]) -> Response:
    """Say that a kind, or one version, should no longer be used. Its records are taken with a warning, and refused once it is retired."""
    kind = _existing(house, name, tenant)
    changed = house.kinds.deprecate(
        kind.name, reason=new.reason, version=new.version, successor=new.successor, retires_at=new.retires_at, tenant=tenant
    )
    return answers.json(changed)


@router.post(
    "/kinds/{name}/restore",
    responses=described(Kind, "The kind as it is now.", errors=_CHANGES),
    openapi_extra=takes(VersionChoice, required=False),
)
def restore_kind(
    house: House, tenant: Tenant, name: PathName, choice: Annotated[VersionChoice, json_body(VersionChoice, empty=VersionChoice)]
) -> Response:
    """Take the deprecation of a kind, or of one version, back."""
    kind = _existing(house, name, tenant)
    return answers.json(house.kinds.restore(kind.name, version=choice.version, tenant=tenant))


def _existing(house: House, name: str, tenant: str) -> Kind:
    try:
        return house.kinds.get(name, tenant)
    except UnknownKind as error:
        raise NotFound(f"The kind {name!r} is unknown", fix="GET /kinds lists what there is", field="name") from error
