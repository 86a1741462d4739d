"""``/lint/{source_id}``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import LintReader
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AsOf, Cursor, Limit, PathName, Since
from factbook.lint.model import LintPage

router = APIRouter(tags=["lint"])


@router.get("/lint/{source_id}", responses=described(LintPage, "Findings, the worst first, and the share documented.", errors=(404,)))
def lint_source(
    rooms: LintReader, source_id: PathName, limit: Limit = LIMIT, cursor: Cursor = None, as_of: AsOf = None, since: Since = None
) -> Response:
    """Judge the documentation of a source, as it is or was at `as_of`; with `since` also say how much was documented then."""
    return answers.json(rooms.lint.page(source_id, limit=limit, cursor=cursor, as_of=as_of, since=since))
