"""``/names``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import NameKeeper, NameReader, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, Limit, Search
from factbook.api.schemas import NameSettlement
from factbook.names import Binding, BindingPage, UnresolvedPage
from factbook_sdk.facts.record import MAX_NAME_LENGTH

router = APIRouter(tags=["names"])

_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]
InNamespace = Annotated[_Name | None, Query(description="Only names of this namespace.")]
Namespace = Annotated[_Name, Query(description="The namespace.")]
Name = Annotated[_Name | None, Query(description="The name in it; without one the namespace as a whole is meant.")]


@router.get("/names/unresolved", responses=described(UnresolvedPage, "Names by namespace and name."))
def list_unresolved(
    rooms: NameReader, namespace: InNamespace = None, search: Search = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Response:
    """List the names of other tools that mean no table we know: how often they are mentioned, by whom, why they are not known, and tables
    of similar names."""
    return answers.json(rooms.names.unresolved(namespace=namespace, search=search, limit=limit, cursor=cursor))


@router.get("/names/bindings", responses=described(BindingPage, "What is settled, by namespace and name."))
def list_bindings(rooms: NameReader, namespace: InNamespace = None, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """List what people said names mean."""
    return answers.json(rooms.names.bindings(namespace=namespace, limit=limit, cursor=cursor))


@router.post(
    "/names/bindings",
    status_code=201,
    responses=described(Binding, "What the name means from now on.", status=201, errors=(404, 422, *WRITE_ERRORS)),
    openapi_extra=takes(NameSettlement),
)
def settle_name(request: Request, rooms: NameKeeper, body: Annotated[NameSettlement, json_body(NameSettlement)]) -> Response:
    """Say what a name means (`as`: `source.schema.table`), or without a name what a namespace means (`as`: a source), or `ignore` it."""
    asking(request).subject = body.namespace
    binding = rooms.names.settle(**body.options(), by=str(asking(request).principal))
    return answers.json(binding, status=201, location=answers.under_same_prefix(request, "/names/bindings"))


@router.delete("/names/bindings", status_code=204, responses=described(None, "It is settled no longer.", status=204, errors=(404, 415)))
def forget_binding(request: Request, rooms: NameKeeper, namespace: Namespace, name: Name = None) -> Response:
    """Take back what was settled."""
    asking(request).subject = namespace
    rooms.names.forget(namespace, name)
    return answers.no_content()
