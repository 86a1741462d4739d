"""``/ui/moments/SOURCE``: the scans of a source, as moments to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import SourceReader
from factbook.api.parameters import Cursor
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages, Part
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan

router = Pages()

SCANS = 12


class ScanMoment(msgspec.Struct, frozen=True):
    """A scan, how many tables it found otherwise than before, and the page as it was then."""

    at: datetime
    run_id: str | None
    changes: int
    href: str


class Moments(msgspec.Struct, frozen=True):
    """The scans of a source, newest first."""

    source_id: str
    scans: list[ScanMoment]
    next_cursor: str | None


@router.page("/moments/{source_id}")
def moments(
    request: Request,
    rooms: SourceReader,
    source_id: Part,
    to: Annotated[str | None, Query(max_length=4096, pattern=r"^/ui(/|\?|$)")] = None,
    cursor: Cursor = None,
) -> Response:
    """Show the moments; ``to`` is the page that is shown as it was then."""
    found = rooms.records.query(
        "catalog_scan", targets=[MetadataTarget(source_id)], tenant=rooms.tenant, order="desc", limit=SCANS, cursor=cursor
    )
    shown = to or path("source", source_id)
    scans = [
        ScanMoment(
            item.record.produced_at, item.record.context.run_id, _changes(item.record.payload), _then(shown, item.record.produced_at)
        )
        for item in found.records
    ]
    about = Page(f"Moments of {source_id}", [Crumb("Sources", "/ui"), Crumb(source_id, path("source", source_id))])
    return page(request, "moments.html", about, Moments(source_id, scans, found.next_cursor), part="moments_part.html")


def _changes(payload: object) -> int:
    counts = msgspec.convert(payload, CatalogScan).counts
    return counts.added + counts.changed + counts.removed


def _then(page_path: str, at: datetime) -> str:
    parts = urlsplit(page_path)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("as_of", "cursor")]
    return f"{parts.path}?{urlencode([*kept, ('as_of', at.isoformat())])}"
