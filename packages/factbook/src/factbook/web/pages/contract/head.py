"""What all pages of a contract share: what it is, and the tabs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.contracts import ContractView
from factbook.web.rendering import Crumb, May, Page, page, path

PATH = "/contract/{contract_id}"


class Tab(msgspec.Struct, frozen=True):
    """A page of a contract: the last part of its path (``None`` for the first), and the needs it declares."""

    name: str | None
    label: str
    needs: str


TABS = (
    Tab(None, "Terms", "ContractReader"),
    Tab("history", "History", "ContractReader"),
    Tab("edit", "Edit", "ContractKeeper"),
)


class ContractPage(msgspec.Struct, frozen=True):
    """A page of a contract: the contract, and what the page itself shows. ``contract`` is ``None`` of one that is ended."""

    contract_id: str
    contract: ContractView | None
    tabs: list[Tab]
    tab: str | None
    shown: Any
    next_cursor: str | None = None


def show(
    request: Request,
    contract_id: str,
    contract: ContractView | None,
    tab: str | None,
    shown: Any,
    *,
    as_of: datetime | None = None,
    status: int = 200,
    next_cursor: str | None = None,
) -> Response:
    """Answer with one of its pages, whose template is ``contract_TAB.html``."""
    may = May(request)
    offered = [one for one in TABS if may(one.needs) and (contract is not None or one.name == "history")]
    label = next(one.label for one in TABS if one.name == tab)
    about = Page(contract_id if tab is None else f"{contract_id}: {label}", [Crumb("Contracts", path("contracts"))], as_of)
    content = ContractPage(contract_id, contract, offered, tab, shown, next_cursor)
    return page(request, f"contract_{tab or 'overview'}.html", about, content, status=status)
