"""``/ui/documentation``: how much of each source is described. Home shows the same, as far as it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import LintReader
from factbook.lint import Coverage
from factbook.lint.remembering import whole
from factbook.rooms import Rooms
from factbook.web.rendering import SOURCES, Page, page
from factbook.web.routing import Pages

router = Pages()

COUNT_SECONDS = 0.5
"""How long one visit counts; a script, or another visit, goes on."""


class SourceCoverage(msgspec.Struct, frozen=True):
    """The documentation of a source."""

    source_id: str
    coverage: Coverage


class Documentation(msgspec.Struct, frozen=True):
    """Sources that were counted, the least described first, and all of them together. ``uncounted`` are still to be; ``most`` is how many
    are to be shown, if not all."""

    items: list[SourceCoverage]
    whole: Coverage
    uncounted: int
    most: int | None = None


@router.page("/documentation")
def documentation(request: Request, rooms: LintReader, most: Annotated[int | None, Query(ge=1, le=1000)] = None) -> Response:
    """Count on, and show what is counted; a script asks again until all is."""
    found = documentation_of(rooms, rooms.dictionary.source_ids(), seconds=COUNT_SECONDS)
    content = msgspec.structs.replace(found, most=most)
    return page(request, "documentation.html", Page("Documentation", [SOURCES]), content, part="documentation_list.html")


def documentation_of(rooms: Rooms, source_ids: Sequence[str], *, seconds: float) -> Documentation:
    """Return what is known of the documentation of sources, after counting for some seconds; for none, nothing is counted."""
    remembered = rooms.remembered_coverage
    known = remembered.count(source_ids, seconds=seconds) if seconds else remembered.known(source_ids)
    items = [SourceCoverage(name, coverage) for name, coverage in known.items() if coverage is not None]
    items.sort(key=lambda item: (item.coverage.share, item.source_id))
    return Documentation(items, whole(item.coverage for item in items), len(source_ids) - len(known))
