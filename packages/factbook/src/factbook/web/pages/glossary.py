"""``/ui/glossary``: the words of the business, as a list that is searched and under the words that are broader."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import GlossaryReader
from factbook.api.parameters import Cursor, Search
from factbook.api.routes.glossary import Status
from factbook.api.routes.notes import Whole
from factbook.knowledge import TermFilter, TermTree
from factbook.knowledge.glossary import Term
from factbook.web.parameters import AsOf
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages

router = Pages()

TERMS = 100
BRANCHES = 1000
View = Annotated[Literal["list", "tree"], Query(description="A list, or each term under those that are broader.")]


class GlossaryPage(msgspec.Struct, frozen=True):
    """Terms by key, or all of them as a tree; ``domains`` are those there are with how many terms each has, ``names`` those of the broader
    terms."""

    wanted: TermFilter
    view: str
    items: list[Term]
    tree: TermTree | None
    domains: dict[str, int]
    names: dict[str, str]
    next_cursor: str | None
    as_of: datetime | None

    @property
    def is_filtered(self) -> bool:
        return self.wanted != TermFilter()


@router.page("/glossary")
def glossary(
    request: Request,
    rooms: GlossaryReader,
    search: Search = None,
    status: Status = None,
    domain: Whole = None,
    owner: Whole = None,
    view: View = "list",
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show the terms."""
    wanted = TermFilter(text=search, status=status, domain=domain, owner=owner)
    tree = rooms.glossary.tree(limit=BRANCHES, as_of=as_of) if view == "tree" else None
    found = None if tree else rooms.glossary.page(wanted, limit=TERMS, cursor=cursor, as_of=as_of)
    items = found.items if found else []
    above = [relation.term for item in items for relation in item.term.relations if relation.type == "broader"]
    content = GlossaryPage(
        wanted=wanted,
        view=view,
        items=items,
        tree=tree,
        domains=rooms.glossary.domains(as_of=as_of),
        names=rooms.glossary.names(above, as_of=as_of),
        next_cursor=found.next_cursor if found else None,
        as_of=as_of,
    )
    return page(request, "glossary.html", Page("Glossary", [], as_of), content)
