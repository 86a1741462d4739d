"""``/export``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from factbook.api import answers
from factbook.api.access import OPEN, Records, Tenant
from factbook.api.exporting import one_of_few
from factbook.api.openapi import answers as described
from factbook.api.openapi import file as described_file
from factbook.api.parameters import AsOf, ExportOptions, PathName, SomeSources
from factbook.export.contract import What
from factbook.export.service import Exports, ExportWish, FormatList, formats, parse_options

router = APIRouter(tags=["export"])


@router.get("/export", dependencies=[OPEN], responses=described(FormatList, "All formats, by name."))
def list_formats() -> Response:
    """List the formats with what they carry and their options. Those that write a folder or a database are for the command line."""
    return answers.json(formats())


@router.get("/export/{format}", response_class=StreamingResponse, responses=described_file("The export, whole.", errors=(404, 501)))
def export(
    request: Request,
    records: Records,
    tenant: Tenant,
    format: PathName,
    source_id: SomeSources = None,
    as_of: AsOf = None,
    what: Annotated[What, Query(description="What to write, as far as the format carries it.")] = "dictionary",
    option: ExportOptions = None,
) -> Response:
    """Write the dictionary, facts or differences as one file of a format.

    The kinds that are read must be granted. The file is made before it is sent; the header `Export-Report` says as JSON what it holds and
    what the format could not carry.
    """
    options = parse_options(option or ()) | {"what": what}
    wish = ExportWish(format=format, source_ids=source_id or (), as_of=as_of, options=options)
    with one_of_few(request):
        made = Exports(lambda: records, tenant=tenant).draft(wish)
    return answers.file(made.file, made.size_bytes, made.media_type, name=f"factbook-{what}{made.suffix}", report=made.summary)
