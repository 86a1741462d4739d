"""``/ui/quality``, ``/ui/quality/SOURCE`` and ``/ui/coverage/SOURCE``: how good the data is, and how well it is documented."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import LintReader, QualityReader, Scanner, asking
from factbook.api.parameters import AnySource, Cursor, Pattern, SchemaName, TableName
from factbook.errors import NotFound
from factbook.lint.model import RULES, LintPage, OnlyFindings, Severity
from factbook.quality.model import QualityBoard, QualityPage, Reconciliation, SourceQuality, TableQuality
from factbook.rooms import Rooms
from factbook.web.parameters import AsOf
from factbook.web.rendering import SOURCES, Crumb, May, Page, page, path
from factbook.web.routing import Pages, Part, lead_to
from factbook_sdk.facts import MetadataTarget

router = Pages()

TABLES = 50
FINDINGS = 100
RESULTS = 100
MAX_RECONCILIATIONS = 100
_BOARD = Crumb("Quality", "/ui/quality")
Need = Literal["failing", "missed", "unscored"]


class Board(msgspec.Struct, frozen=True):
    """The sources that were asked for, of ``total``; ``reconciliations`` are those that did not pass, ``None`` where they are closed."""

    board: QualityBoard
    total: int
    like: str
    need: Need | None
    reconciliations: list[Reconciliation] | None


class Quality(msgspec.Struct, frozen=True):
    """Scores and results; nothing where nobody judged yet."""

    source_id: str
    source: SourceQuality
    reconciliations: list[Reconciliation] | None
    items: list[TableQuality]
    like: str | None
    next_cursor: str | None
    problem: str | None
    can_run: bool
    as_of: datetime | None


class Documentation(msgspec.Struct, frozen=True):
    """How much is documented, the worst schema first, and what is missing of what was asked for."""

    found: LintPage
    only: OnlyFindings
    rules: list[str]
    next_cursor: str | None


@router.page("/quality")
def quality_board(
    request: Request,
    rooms: QualityReader,
    search: AnySource = None,
    need: Annotated[Need | None, Query()] = None,
    as_of: AsOf = None,
) -> Response:
    """Show all sources, those first that need somebody most."""
    found = rooms.quality.board([source.source_id for source in rooms.connections.list()], as_of=as_of)
    shown = [item for item in found.items if (search or "").casefold() in item.source_id.casefold() and _needs(item, need)]
    compared = _reconciliations(request, rooms, None, as_of)
    wrong = None if compared is None else [one for one in compared if one.result.outcome != "passed"]
    content = Board(msgspec.structs.replace(found, items=shown), len(found.items), search or "", need, wrong)
    return page(request, "quality_board.html", Page("Quality", as_of=as_of), content)


@router.page("/quality/{source_id}")
def quality(
    request: Request, rooms: QualityReader, source_id: Part, table: Pattern = None, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show what does not hold, then the score of the source and of its tables with the last result of each rule."""
    problem = None
    try:
        found = rooms.quality.page(source_id, table=table, limit=TABLES, cursor=cursor, as_of=as_of)
    except NotFound as error:
        found, problem = QualityPage(source_id, as_of, [], None), str(error)
    content = Quality(
        source_id=source_id,
        source=rooms.quality.source(source_id, as_of=as_of),
        reconciliations=_reconciliations(request, rooms, source_id, as_of),
        items=found.items,
        like=table,
        next_cursor=found.next_cursor,
        problem=problem,
        can_run=as_of is None and May(request)("Scanner") and rooms.qualities.has_own_rules and rooms.connections.knows(source_id),
        as_of=as_of,
    )
    return page(request, "quality.html", Page(f"Quality of {source_id}", _crumbs(source_id, _BOARD), as_of), content)


@router.page("/quality/{source_id}/rule")
def rule(
    request: Request,
    rooms: QualityReader,
    source_id: Part,
    rule: Annotated[str, Query(max_length=1024, pattern=r"^[^\x00]*$")] = "",
    schema: SchemaName = None,
    table: TableName = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show what one rule said through time."""
    found = rooms.quality.rule(MetadataTarget(source_id, schema, table), rule, limit=RESULTS, cursor=cursor, as_of=as_of)
    crumbs = [*_crumbs(source_id, _BOARD), Crumb("Rules", path("quality", source_id))]
    return page(request, "quality_rule.html", Page(f"{rule} of {table or source_id}", crumbs, as_of), found)


@router.action("/quality/{source_id}/run")
def run(request: Request, rooms: Scanner, source_id: Part) -> Response:
    """Judge a source again by the server's own rules."""
    job = rooms.submit_quality(source_id, rules=rooms.qualities.own_rulebook(), trigger="web")
    asking(request).subject = job.job_id
    return lead_to("job", job.job_id, done="started")


@router.page("/coverage/{source_id}")
def coverage(
    request: Request,
    rooms: LintReader,
    source_id: Part,
    severity: Annotated[Severity | None, Query()] = None,
    rule: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    schema: SchemaName = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show how much of a source is documented, and what is missing, the worst first."""
    only = OnlyFindings(severity, rule, schema)
    found = rooms.lint.page(source_id, limit=FINDINGS, cursor=cursor, as_of=as_of, only=only)
    whole, *schemas = found.coverage
    ordered = [whole, *sorted(schemas, key=lambda row: (row.share, row.schema or ""))]
    content = Documentation(msgspec.structs.replace(found, coverage=ordered), only, [known.name for known in RULES], found.next_cursor)
    return page(request, "coverage.html", Page(f"Documentation of {source_id}", _crumbs(source_id), as_of), content)


def _needs(item: SourceQuality, need: Need | None) -> bool:
    found = {
        "failing": bool(item.failing),
        "missed": bool(item.missed),
        "unscored": item.score is None or item.score.score is None,
    }
    return need is None or found[need]


def _reconciliations(request: Request, rooms: Rooms, source_id: str | None, as_of: datetime | None) -> list[Reconciliation] | None:
    if not May(request)("ReconReader"):
        return None
    return rooms.quality.reconciliations(source_id, as_of=as_of)[:MAX_RECONCILIATIONS]


def _crumbs(source_id: str, first: Crumb = SOURCES) -> list[Crumb]:
    return [first, Crumb(source_id, path("source", source_id))]
