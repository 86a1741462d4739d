"""``/glossary``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import GlossaryKeeper, GlossaryReader, asking, author_meant
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AsOf, Cursor, Limit, PathName, Search
from factbook.api.routes.notes import Author, Expected, Whole
from factbook.knowledge import TermFilter, TermPage, TermTree, TermView
from factbook.knowledge.glossary import ChangedTerm, NewTerm, Term

router = APIRouter(tags=["glossary"])

Status = Annotated[Literal["draft", "approved", "deprecated"] | None, Query(description="Only terms of this status.")]


@router.get("/glossary", responses=described(TermPage, "Terms by key."))
def list_terms(
    rooms: GlossaryReader,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    text: Search = None,
    status: Status = None,
    domain: Whole = None,
    owner: Whole = None,
    as_of: AsOf = None,
) -> Response:
    """List the terms of the business, now or at a moment; each names the relations that lead nowhere."""
    wanted = TermFilter(text=text, status=status, domain=domain, owner=owner)
    return answers.json(rooms.glossary.page(wanted, limit=limit, cursor=cursor, as_of=as_of))


@router.get("/glossary/tree", responses=described(TermTree, "Terms under broader ones.", errors=(404,)))
def show_tree(
    rooms: GlossaryReader,
    root: Annotated[PathName | None, Query(description="Only what is under this term.")] = None,
    limit: Limit = 1000,
    as_of: AsOf = None,
) -> Response:
    """Show terms under the terms that are broader."""
    return answers.json(rooms.glossary.tree(root, limit=limit, as_of=as_of))


@router.get("/glossary/{key}", responses=described(TermView, "The term with its surroundings.", errors=(404,)))
def show_term(rooms: GlossaryReader, key: PathName, as_of: AsOf = None) -> Response:
    """Show a term: what is broader and narrower, who names it, and where it is used."""
    return answers.json(rooms.glossary.get(key, as_of=as_of))


@router.post(
    "/glossary",
    status_code=201,
    openapi_extra=takes(NewTerm),
    responses=described(Term, "The term.", status=201, errors=(409, *WRITE_ERRORS)),
)
def add_term(request: Request, rooms: GlossaryKeeper, body: Annotated[NewTerm, json_body(NewTerm)], author: Author = None) -> Response:
    """Make a term; its key must be new."""
    asking(request).subject = body.key
    made = rooms.glossary.add(body.key, body.term(), author=author_meant(request, rooms, author))
    return answers.json(made, status=201, location=answers.under_same_prefix(request, f"/glossary/{body.key}"))


@router.put(
    "/glossary/{key}",
    openapi_extra=takes(ChangedTerm),
    responses=described(Term, "The term as it is now.", errors=(404, 412, *WRITE_ERRORS)),
)
def put_term(
    request: Request,
    rooms: GlossaryKeeper,
    key: PathName,
    body: Annotated[ChangedTerm, json_body(ChangedTerm)],
    author: Author = None,
    expected: Expected = None,
) -> Response:
    """Make a term or change it to be so. Circles of broader terms are refused."""
    asking(request).subject = key
    return answers.json(rooms.glossary.put(key, body.term(), author=author_meant(request, rooms, author), expected=expected))


@router.delete("/glossary/{key}", status_code=204, responses=described(None, "It is gone.", status=204, errors=(404, 412, 415)))
def remove_term(request: Request, rooms: GlossaryKeeper, key: PathName, author: Author = None, expected: Expected = None) -> Response:
    """Take a term away. Terms and notes that name it stay; the terms show it as dangling."""
    asking(request).subject = key
    rooms.glossary.remove(key, author=author_meant(request, rooms, author), expected=expected)
    return answers.no_content()
