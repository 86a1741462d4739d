"""``/ui/tokens``: tokens of the tenant; a new one is shown once."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action, Grant
from factbook.access.tokens import NewToken, Token, tenant_of
from factbook.api.access import TenantAdmin, TokenAdmin, asking, check_admin
from factbook.api.bodies import json_body
from factbook.api.parameters import House
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()


class TokenForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends."""

    name: str = ""
    action: Literal["read", "write", "admin"] = "read"
    kinds: str = "*"


class TokenList(msgspec.Struct, frozen=True):
    """Tokens without their values; ``made`` is a token that was just made, whose value nobody can show again."""

    items: list[Token]
    made: NewToken | None = None


@router.page("/tokens")
def tokens(request: Request, house: House, tenant: TokenAdmin) -> Response:
    """Show the tokens."""
    return page(request, "tokens.html", Page("Tokens"), TokenList(house.tokens.list(tenant)))


@router.action("/tokens")
def create(request: Request, house: House, rooms: TenantAdmin, sent: Annotated[TokenForm, json_body(TokenForm)]) -> Response:
    """Make a token of this tenant and show its value, this once."""
    kinds = tuple(kind.strip() for kind in sent.kinds.split(",") if kind.strip()) or ("*",)
    grants = [Grant(Action(sent.action), rooms.tenant, "*", kinds)]
    check_admin(request, tenant_of(grants))
    made = house.tokens.create(sent.name, grants, created_by=asking(request).principal.title)
    asking(request).subject = made.token.token_id
    return page(request, "tokens.html", Page("Tokens"), TokenList(house.tokens.list(rooms.tenant), made), status=201)


@router.action("/token/{token_id}/revoke")
def revoke(request: Request, house: House, tenant: TokenAdmin, token_id: Part) -> Response:
    """Revoke a token."""
    asking(request).subject = token_id
    asking(request).tenant = house.tokens.revoke(token_id, tenant).tenant
    return lead_to("tokens")
