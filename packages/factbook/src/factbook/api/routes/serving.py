"""``/{domain}/{dataset}``: rows of data products. It matches any path of two parts, so that it is added last."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import RowReader, asking
from factbook.api.openapi import answers as described
from factbook.api.parameters import PathName
from factbook.api.problems import PathNotFound
from factbook.serving.formats import MEDIA_TYPES
from factbook.serving.model import Form, RowPage
from factbook.serving.question import read_form

router = APIRouter(tags=["domains"])


def _parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": {"type": "string"} | schema}


_PARAMETERS = [
    _parameter("limit", "Rows at most, up to SERVE_MAX_ROWS.", type="integer", minimum=1, default=100),
    _parameter("cursor", "`next_cursor` of the page before."),
    _parameter("fields", "Only these fields, separated by commas."),
    _parameter("order", "Fields to order by, separated by commas; `-` before one that falls."),
    _parameter("start_date", "From this day or moment on, in the one column of dates, or the one declared with `role: date`."),
    _parameter("end_date", "Up to the end of this day, or this moment."),
    _parameter("active_only", "Only rows that a flag or status calls active.", type="boolean"),
    _parameter("format", "In place of the header Accept.", enum=list(get_args(Form))),
]


def _form(request: Request) -> Form:
    """Return the form that ``format`` names, else one that the client accepts by name, else JSON."""
    named = request.query_params.get("format")
    if named is not None:
        form: Form = read_form(named)
        return form
    return next((form for form, media_type in MEDIA_TYPES.items() if answers.accepts(request, media_type)), "json")


@router.get(
    "/{domain}/{dataset}",
    responses=described(RowPage, "Rows; CSV, NDJSON and Parquet go on by the header `Next-Cursor`.", errors=(404, 422, 429, 501, 502, 504)),
    openapi_extra={"parameters": _PARAMETERS},
)
def read_rows(request: Request, rooms: RowReader, domain: PathName, dataset: PathName) -> Response:
    """Read rows of a data product, by product or port of a domain. Every field is a filter: `FIELD=VALUE`, `FIELD__gte`, `__lte`, `__gt`,
    `__lt`, `__ne`, `__in=a,b`, `__like=a%`, `__is_null=true`."""
    principal = asking(request).principal.title
    serving = rooms.serving
    found = serving.dataset(domain, dataset)
    if found is None:
        raise PathNotFound(f"There is nothing at {request.url.path}", fix="GET /products lists products, GET /openapi.json all else")
    asking(request).subject = found.product
    serving.admit(principal)
    form = _form(request)
    page = serving.read(found, request.query_params.multi_items())
    body = serving.write(page, form, principal=principal)
    return answers.rows(body, MEDIA_TYPES[form], next_cursor=page.next_cursor)
