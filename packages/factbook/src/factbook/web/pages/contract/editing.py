"""``/ui/new-contract`` and ``/ui/contract/ID/edit``: a contract as the document that it is, checked as it is taken."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ContractKeeper, asking
from factbook.api.bodies import json_body
from factbook.api.parameters import Pattern
from factbook.contracts import ContractView, ImportWish
from factbook.contracts.model import parse_binds
from factbook.contracts.reading import read_document
from factbook.contracts.standards import ODCS
from factbook.contracts.writing import text_of
from factbook.errors import AlreadyThere, FactbookError, InvalidRequest, PreconditionFailed
from factbook.rooms import Rooms
from factbook.web.door import MAX_FORM_BYTES
from factbook.web.forms import Wrong, as_written, lines_of, wrong_of
from factbook.web.pages.contract.head import PATH, show
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

EXAMPLE = """\
apiVersion: v3.1.0
kind: DataContract
id: orders-daily
version: 1.0.0
status: draft
description: {purpose: Every order once}
team:
  name: Order team
servers:
  - {server: shop, type: custom, schema: main}
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: email, logicalType: string, required: true, classification: personal}
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThan: 0}
"""


class ContractForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends. ``bind`` are lines OBJECT=SOURCE.SCHEMA.TABLE; ``seen`` is since when the contract is as the form showed it."""

    document: str = ""
    bind: str = ""
    replace: str = ""
    seen: str = ""


class Editing(msgspec.Struct, frozen=True):
    """The form as it is filled in, and what is wrong. ``too_long`` says that a form cannot hold the document."""

    document: str
    bind: str
    replace: bool
    seen: datetime | None
    wrong: Wrong | None = None
    too_long: bool = False
    table: str | None = None


@router.page("/new-contract")
def new(request: Request, rooms: ContractKeeper, table: Pattern = None) -> Response:
    """Show the form with an example, or with a draft of what a table keeps now."""
    if table is None:
        return _new(request, Editing(EXAMPLE, "", False, None))
    try:
        return _new(request, Editing(text_of(rooms.contracts.draft(table), "yaml"), "", False, None, table=table))
    except FactbookError as error:
        return _new(request, Editing(EXAMPLE, "", False, None, wrong_of(error, field="table"), table=table), 422)


@router.action("/new-contract")
def create(request: Request, rooms: ContractKeeper, sent: Annotated[ContractForm, json_body(ContractForm)]) -> Response:
    """Take in a contract and lead to its page."""
    try:
        made = _taken(request, rooms, sent, None)
    except FactbookError as error:
        wrong = wrong_of(error)
        return _new(request, Editing(sent.document, sent.bind, bool(sent.replace), None, wrong), wrong.status)
    return lead_to("contract", made, done="saved")


@router.page(f"{PATH}/edit")
def edit(request: Request, rooms: ContractKeeper, contract_id: Part) -> Response:
    """Show the contract's document."""
    found = rooms.contracts.get(contract_id)
    return show(request, contract_id, found, "edit", _editing(found))


@router.action(f"{PATH}/edit")
def save(request: Request, rooms: ContractKeeper, contract_id: Part, sent: Annotated[ContractForm, json_body(ContractForm)]) -> Response:
    """Make the contract what the document says, unless somebody else changed it meanwhile."""
    try:
        _taken(request, rooms, sent, contract_id)
    except FactbookError as error:
        wrong, found = wrong_of(error), rooms.contracts.get(contract_id)
        seen = found.changed_at if isinstance(error, PreconditionFailed) else _moment(sent.seen) or found.changed_at
        filled = Editing(sent.document, sent.bind, bool(sent.replace), seen, wrong)
        return show(request, contract_id, found, "edit", filled, status=wrong.status)
    return lead_to("contract", contract_id, done="saved")


def _taken(request: Request, rooms: Rooms, sent: ContractForm, contract_id: str | None) -> str:
    read = read_document(as_written(sent.document), "The document")
    if read.standard is not ODCS:
        raise InvalidRequest(f"The document is a {read.standard.kind}", why=f"a {ODCS.kind} is taken here", field="kind")
    if contract_id is not None and read.root["id"] != contract_id:
        raise InvalidRequest("A contract keeps its id", why=f"it is {contract_id}", fix="Take in another one as a new contract", field="id")
    if contract_id is None and not sent.replace and rooms.contracts.entries([read.root["id"]]):
        why = "a new contract takes no other's place unawares"
        raise AlreadyThere(
            f"There is a contract {read.root['id']}", why=why, fix="Edit that one, or say that yours replaces it", field="id"
        )
    asking(request).subject = read.root["id"]
    wish = ImportWish(parse_binds(lines_of(sent.bind)), bool(sent.replace), str(asking(request).principal), _moment(sent.seen))
    return rooms.contracts.import_document(read, wish).id


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest("The form is not one of ours", why="it does not say what it showed", fix="Open the page again") from error


def _editing(found: ContractView) -> Editing:
    text = text_of(found.document, "yaml")
    return Editing(text, "", False, found.changed_at, too_long=len(text.encode()) > MAX_FORM_BYTES // 2)


def _new(request: Request, content: Editing, status: int = 200) -> Response:
    about = Page("A new contract", [Crumb("Contracts", path("contracts"))])
    return page(request, "new_contract.html", about, content, status=status)
