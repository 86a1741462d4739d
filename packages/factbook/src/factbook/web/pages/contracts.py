"""``/ui/contracts``: what readers were promised, and what of it is broken."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ContractReader
from factbook.api.parameters import Cursor, Search
from factbook.contracts import ContractFilter
from factbook.contracts.model import ContractEntry, ContractStanding
from factbook.rooms import Rooms
from factbook.web.parameters import AsOf
from factbook.web.rendering import May, Page, page
from factbook.web.routing import Pages

router = Pages()

CONTRACTS = 25
LOOKED_AT = 50
"""Contracts that are judged for one page of broken ones."""

Shown = Literal["in_force", "broken", "proposed", "draft", "active", "deprecated", "retired", "ended"]
STATES: tuple[Shown, ...] = ("in_force", "broken", "proposed", "draft", "active", "deprecated", "retired", "ended")


class SeenContract(msgspec.Struct, frozen=True):
    """A contract in a list. ``standing`` is ``None`` of one that is ended, and where it may not be told."""

    entry: ContractEntry
    standing: ContractStanding | None


class Contracts(msgspec.Struct, frozen=True):
    """A page of contracts by id; ``looked_at`` is how many were judged at most, where only broken ones are shown."""

    text: str | None
    state: Shown | None
    states: list[Shown]
    items: list[SeenContract]
    next_cursor: str | None
    tells_standing: bool
    looked_at: int | None


@router.page("/contracts")
def contracts(
    request: Request,
    rooms: ContractReader,
    text: Search = None,
    state: Annotated[Shown | None, Query(description="A state; `broken` for those in force whose promises about structure are.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show contracts."""
    judges = May(request)("PromiseReader")
    if state == "broken":
        items, following = _broken(rooms, text, cursor, as_of) if judges else ([], None)
    else:
        found = rooms.contracts.page(ContractFilter(text=text, state=state), limit=CONTRACTS, cursor=cursor, as_of=as_of)
        items, following = _seen(rooms, found.items, as_of, judges=judges), found.next_cursor
    states = [name for name in STATES if judges or name != "broken"]
    looked_at = LOOKED_AT if state == "broken" else None
    content = Contracts(text, state, states, items, following, judges, looked_at)
    return page(request, "contracts.html", Page("Contracts", as_of=as_of), content)


def _seen(rooms: Rooms, entries: list[ContractEntry], as_of: datetime | None, *, judges: bool) -> list[SeenContract]:
    known = rooms.contracts.standings([entry.id for entry in entries if not entry.ended], as_of=as_of) if judges else []
    by_id = {standing.id: msgspec.structs.replace(standing, results=[]) for standing in known}
    return [SeenContract(entry, by_id.get(entry.id)) for entry in entries]


def _broken(rooms: Rooms, text: str | None, cursor: str | None, as_of: datetime | None) -> tuple[list[SeenContract], str | None]:
    """Return those of the next fifty contracts in force that are broken: which ones are is only known once they were judged."""
    part = rooms.contracts.page(ContractFilter(text=text, state="in_force"), limit=LOOKED_AT, cursor=cursor, as_of=as_of)
    seen = _seen(rooms, part.items, as_of, judges=True)
    return [item for item in seen if item.standing is not None and item.standing.structure == "broken"], part.next_cursor
