"""``/kinds``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import OPEN
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, House, Limit, PathName
from factbook.api.schemas import KindPage, page_of, summarise
from factbook.errors import NotFound
from factbook_sdk.facts import Kind

router = APIRouter(tags=["kinds"])


@router.get("/kinds", dependencies=[OPEN], responses=described(KindPage, "Kinds by name."))
def list_kinds(house: House, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """List the kinds that records may have."""
    kinds = [summarise(kind) for kind in house.kinds]
    return answers.json(KindPage(*page_of(kinds, lambda kind: kind.name, limit=limit, cursor=cursor)))


@router.get(
    "/kinds/{name}", dependencies=[OPEN], responses=described(Kind, "The kind with the JSON Schema of each version.", errors=(404,))
)
def show_kind(house: House, name: PathName) -> Response:
    """Show one kind."""
    if name not in house.kinds:
        raise NotFound(f"The kind {name!r} is unknown", fix="GET /kinds lists what there is", field="name")
    return answers.json(house.kinds.get(name))
