"""``/contracts``, and the documents of data products."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import (
    ContractChecker,
    ContractEnder,
    ContractKeeper,
    ContractReader,
    ProductDocumentKeeper,
    ProductDocumentReader,
    asking,
    check_scanning,
)
from factbook.api.bodies import Body, json_body
from factbook.api.documents import read_standard, sent
from factbook.api.openapi import WRITE_ERRORS, standard, takes, takes_document
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AfterOffset, AsOf, Binds, Cursor, Limit, PathName
from factbook.contracts import ContractCheck, ContractEdit, ContractHistory, ContractPage, ContractView, Imported
from factbook.contracts.standards import ODCS, ODPS

router = APIRouter(tags=["contracts"])

Form = Annotated[Literal["json", "yaml"] | None, Query(alias="format", description="The document alone, in this form.")]
DocumentForm = Annotated[Literal["json", "yaml"], Query(alias="format", description="The form of the document.")]
Replace = Annotated[bool, Query(description="Replace a version that is there and says otherwise, or take a lower one.")]


@router.post(
    "/contracts",
    responses=described(Imported, "What became of it, and the tables it is bound to.", errors=(409, *WRITE_ERRORS)),
    openapi_extra=takes_document("A data contract, ODCS 3.1."),
)
def import_contract(request: Request, rooms: ContractKeeper, body: Body, bind: Binds = None, replace: Replace = False) -> Response:
    """Import a data contract (ODCS, YAML or JSON). What the schema does not take is named with its path, and nothing is stored."""
    read, wish = read_standard(request, body, ODCS, bind=bind, replace=replace)
    found = rooms.contracts.import_document(read, wish)
    asking(request).subject = found.id
    return answers.json(found)


@router.get("/contracts", responses=described(ContractPage, "Contracts, by id."))
def list_contracts(rooms: ContractReader, limit: Limit = LIMIT, cursor: Cursor = None, as_of: AsOf = None) -> Response:
    """List contracts with the first tables they are bound to, as they are or were at `as_of`."""
    return answers.json(rooms.contracts.page(limit=limit, cursor=cursor, as_of=as_of))


@router.get(
    "/contracts/{contract_id}",
    responses=described(ContractView, "The contract; with `format` its document alone, as ODCS.", errors=(404,)),
)
def show_contract(rooms: ContractReader, contract_id: PathName, form: Form = None, as_of: AsOf = None) -> Response:
    """Show a contract, or export it: the document as it came, with what was edited here."""
    if form is not None:
        return sent(rooms.contracts.document(contract_id, as_of=as_of), form)
    return answers.json(rooms.contracts.get(contract_id, as_of=as_of))


@router.patch(
    "/contracts/{contract_id}",
    responses=described(ContractView, "The contract, changed.", errors=(404, *WRITE_ERRORS)),
    openapi_extra=takes(ContractEdit),
)
def edit_contract(
    request: Request, rooms: ContractEnder, contract_id: PathName, edit: Annotated[ContractEdit, json_body(ContractEdit)]
) -> Response:
    """Change status, version, owner or description; the export says so, and all else stays as it was written."""
    asking(request).subject = contract_id
    return answers.json(rooms.contracts.edit(contract_id, edit, by=str(asking(request).principal)))


@router.delete("/contracts/{contract_id}", status_code=204, responses=described(None, "It is ended.", status=204, errors=(404,)))
def remove_contract(request: Request, rooms: ContractEnder, contract_id: PathName) -> Response:
    """End a contract; its history stays."""
    asking(request).subject = contract_id
    rooms.contracts.remove(contract_id)
    return answers.no_content()


@router.get("/contracts/{contract_id}/history", responses=described(ContractHistory, "States, the newest last.", errors=(404,)))
def show_contract_history(rooms: ContractReader, contract_id: PathName, limit: Limit = LIMIT, after_offset: AfterOffset = None) -> Response:
    """Show how a contract came to be what it is, with what each state changed."""
    return answers.json(rooms.contracts.history(contract_id, limit=limit, after_offset=after_offset))


@router.post(
    "/contracts/{contract_id}/check",
    responses=described(ContractCheck, "Whether promises about structure are kept, each with its result.", errors=(404, 501)),
)
def check_contract(
    request: Request,
    rooms: ContractChecker,
    contract_id: PathName,
    data: Annotated[bool, Query(description="Judge what is promised of the data, too: by jobs, whose ids are in the answer.")] = False,
) -> Response:
    """Hold the tables of a contract, as scanned last, against what it promises. SQL of a contract is not run over HTTP."""
    asking(request).subject = contract_id
    if data:
        check_scanning(request, rooms)
    return answers.json(rooms.check_contract_in_background(contract_id, data=data))


@router.get("/product/{name}/odps", responses=standard("The product as ODPS.", errors=(404,)))
def export_product(rooms: ProductDocumentReader, name: PathName, form: DocumentForm = "json", as_of: AsOf = None) -> Response:
    """Export a data product as a document (ODPS 1.0): the one it came with and what was edited here, or one made from what is known."""
    return sent(rooms.product_documents.document(name, as_of=as_of), form)


@router.post(
    "/products/odps",
    responses=described(Imported, "What became of it, and the tables of its ports.", errors=(409, *WRITE_ERRORS)),
    openapi_extra=takes_document("A data product, ODPS 1.0."),
)
def import_product(request: Request, rooms: ProductDocumentKeeper, body: Body, bind: Binds = None, replace: Replace = False) -> Response:
    """Import a data product (ODPS, YAML or JSON). Its ports are of the tables that their contracts are bound to."""
    read, wish = read_standard(request, body, ODPS, bind=bind, replace=replace)
    found = rooms.product_documents.import_document(read, wish)
    asking(request).subject = found.id
    return answers.json(found)
