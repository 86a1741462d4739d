"""``/ui/table/…/quality``: how good a table's data is, which rules say so, and how that went."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableQualityReader
from factbook.quality.tables import QualityOverTime
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.pages.table.profile import Chart, Series
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part

router = Pages()


class Quality(msgspec.Struct, frozen=True):
    """The quality of a table, and its score as a chart where it changed at all."""

    quality: QualityOverTime
    chart: Chart | None


@router.page(f"{PATH}/quality")
def quality(request: Request, rooms: TableQualityReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None) -> Response:
    """Show the score of a table, its rules and its promises."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    found = rooms.quality.over_time(source_id, chosen.name, as_of=as_of)
    values = [scored.score for scored in found.scores]
    has_score = any(value is not None for value in values)
    chart = Chart("Score", "", [scored.at for scored in found.scores], [Series("score", values)], []) if has_score else None
    return chosen.show("quality", Quality(found, chart))
