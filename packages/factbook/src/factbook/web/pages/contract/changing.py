"""What a contract's page does beside the form: checks it now, gives it another status, ends it; and its document."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ContractChecker, ContractEnder, ContractReader, asking, check_scanning
from factbook.api.bodies import json_body
from factbook.contracts import ContractEdit
from factbook.web.pages.contract.head import PATH
from factbook.web.pages.product.changing import DocumentForm, attached
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part, lead_to

router = Pages()


class CheckForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to check: structure alone, or the data, too, by asking the sources."""

    what: Literal["structure", "data"] = "structure"


class StatusForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The new status."""

    status: Literal["proposed", "draft", "active", "deprecated", "retired"]


@router.action(f"{PATH}/check")
def check(request: Request, rooms: ContractChecker, contract_id: Part, sent: Annotated[CheckForm, json_body(CheckForm)]) -> Response:
    """Check a contract and put what it says on record; lead to the job where there is one, to the jobs where there are several."""
    asking(request).subject = contract_id
    if sent.what == "data":
        check_scanning(request, rooms)
    found = rooms.check_contract_in_background(contract_id, data=sent.what == "data")
    if len(found.job_ids) == 1:
        return lead_to("job", found.job_ids[0])
    return lead_to("jobs") if found.job_ids else lead_to("contract", contract_id, done="checked")


@router.action(f"{PATH}/status")
def change_status(
    request: Request, rooms: ContractEnder, contract_id: Part, form: Annotated[StatusForm, json_body(StatusForm)]
) -> Response:
    """Give a contract another status."""
    asking(request).subject = contract_id
    rooms.contracts.edit(contract_id, ContractEdit(status=form.status), by=str(asking(request).principal))
    return lead_to("contract", contract_id, done="saved")


@router.action(f"{PATH}/end")
def end(request: Request, rooms: ContractEnder, contract_id: Part) -> Response:
    """End a contract; its history stays, and is where this leads."""
    asking(request).subject = contract_id
    rooms.contracts.remove(contract_id)
    return lead_to("contract", contract_id, "history", done="ended")


@router.get(f"{PATH}/document", response_model=None)
def document(rooms: ContractReader, contract_id: Part, form: DocumentForm = "yaml", as_of: AsOf = None) -> Response:
    """Give a contract's document (ODCS) to keep."""
    return attached(rooms.contracts.document(contract_id, as_of=as_of), form, f"{contract_id}.odcs")
