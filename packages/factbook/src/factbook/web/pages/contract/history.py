"""``/ui/contract/ID/history``: how a contract came to be what it is, and what differs between any two moments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ContractReader
from factbook.api.parameters import Cursor
from factbook.contracts import ContractView
from factbook.contracts.model import ContractChange
from factbook.errors import NotFound
from factbook.rooms import Rooms
from factbook.web.compared import Compared, State, compare
from factbook.web.pages.contract.head import PATH, show
from factbook.web.parameters import AsOf, PastMoment
from factbook.web.routing import Pages, Part

router = Pages()

STATES = 30


class History(msgspec.Struct, frozen=True):
    """States, the newest first."""

    states: list[ContractChange]
    compared: Compared | None


@router.page(f"{PATH}/history")
def history(
    request: Request,
    rooms: ContractReader,
    contract_id: Part,
    old: Annotated[PastMoment | None, Query(alias="from", description="The earlier moment to compare.")] = None,
    new: Annotated[PastMoment | None, Query(alias="to", description="The later moment to compare.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show the history, also of a contract that is ended."""
    found = rooms.contracts.changes(contract_id, limit=STATES, cursor=cursor, as_of=as_of)
    compared = None
    if old is not None and new is not None:
        compared = compare(old, new, _state(rooms, contract_id, old), _state(rooms, contract_id, new))
    now = _at(rooms, contract_id, as_of)
    return show(request, contract_id, now, "history", History(found.items, compared), as_of=as_of, next_cursor=found.next_cursor)


def _at(rooms: Rooms, contract_id: str, as_of: datetime | None) -> ContractView | None:
    try:
        return rooms.contracts.get(contract_id, as_of=as_of)
    except NotFound:
        return None


def _state(rooms: Rooms, contract_id: str, moment: datetime) -> State | None:
    found = _at(rooms, contract_id, moment)
    return None if found is None else State(found.contract.version, found.document)
