"""``/ui/tokens``: tokens of the tenant; a new one is shown once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action, Grant
from factbook.access.tokens import NewToken, Token, tenant_of
from factbook.api.access import TenantAdmin, TokenAdmin, asking, check_admin
from factbook.api.bodies import json_body
from factbook.api.parameters import Cursor, House
from factbook.api.schemas import page_of
from factbook.errors import FactbookError, NotAllowed
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

TOKENS = 50
_Action = Literal["read", "write", "admin"]
_LIVES = {"1": 1, "7": 7, "30": 30, "90": 90, "365": 365, "never": None}


class TokenForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends: a name, how many days the token lives, and up to three grants."""

    name: str = ""
    days: Literal["1", "7", "30", "90", "365", "never"] = "never"
    action: _Action = "read"
    kinds: str = "*"
    namespace: str = "*"
    tenant: str = ""
    action_2: _Action | None = None
    kinds_2: str = "*"
    namespace_2: str = "*"
    tenant_2: str = ""
    action_3: _Action | None = None
    kinds_3: str = "*"
    namespace_3: str = "*"
    tenant_3: str = ""

    def grants(self, tenant: str) -> list[Grant]:
        """Return the grants; one that names no tenant is for ``tenant``."""
        rows = (
            (self.action, self.tenant, self.namespace, self.kinds),
            (self.action_2, self.tenant_2, self.namespace_2, self.kinds_2),
            (self.action_3, self.tenant_3, self.namespace_3, self.kinds_3),
        )
        return [
            Grant(Action(action), of or tenant, namespace, tuple(kind.strip() for kind in kinds.split(",") if kind.strip()) or ("*",))
            for action, of, namespace, kinds in rows
            if action is not None
        ]

    def expires_at(self, now: datetime) -> datetime | None:
        """Return when the token ends."""
        days = _LIVES[self.days]
        return None if days is None else now + timedelta(days=days)


class TokenRow(msgspec.Struct, frozen=True):
    """A token without its value, and how it stands now."""

    token: Token
    state: Literal["good", "expired", "revoked"]


class TokenList(msgspec.Struct, frozen=True):
    """Tokens, those that are good first, then by name. ``made`` is a token that was just made, whose value nobody can show again; ``sent``
    is a form that could not be done, and ``problem`` why. ``names_tenants``: whoever asks may give away grants on any tenant."""

    items: list[TokenRow]
    next_cursor: str | None
    names_tenants: bool
    tenant: str | None
    made: NewToken | None = None
    sent: TokenForm = TokenForm()
    problem: str | None = None


@router.page("/tokens")
def tokens(request: Request, house: House, tenant: TokenAdmin, cursor: Cursor = None) -> Response:
    """Show the tokens."""
    return page(request, "tokens.html", Page("Tokens"), _list(request, house.tokens.list(tenant), tenant, cursor))


@router.action("/tokens")
def create(request: Request, house: House, rooms: TenantAdmin, sent: Annotated[TokenForm, json_body(TokenForm)]) -> Response:
    """Make a token and show its value, this once."""
    made, problem, status = None, None, 201
    try:
        grants = sent.grants(rooms.tenant)
        check_admin(request, tenant_of(grants))
        creator = asking(request).principal.title
        made = house.tokens.create(sent.name, grants, created_by=creator, expires_at=sent.expires_at(datetime.now(UTC)))
        asking(request).subject = made.token.token_id
    except NotAllowed:
        raise
    except FactbookError as error:
        problem, status = str(error), 422
    listed = _list(request, house.tokens.list(rooms.tenant), rooms.tenant, None)
    content = msgspec.structs.replace(listed, made=made, problem=problem, sent=sent if problem else TokenForm())
    return page(request, "tokens.html", Page("Tokens"), content, status=status)


def _list(request: Request, found: list[Token], tenant: str | None, cursor: str | None) -> TokenList:
    now = datetime.now(UTC)
    rows = sorted((TokenRow(token, _state(token, now)) for token in found), key=_order)
    shown, following = page_of(rows, _order, limit=TOKENS, cursor=cursor)
    return TokenList(shown, following, asking(request).principal.runs_every_tenant, tenant)


def _order(row: TokenRow) -> str:
    """Return what sorts tokens: those that are good first, then by name."""
    return f"{'0' if row.state == 'good' else '1'} {row.token.name} {row.token.token_id}"


def _state(token: Token, now: datetime) -> Literal["good", "expired", "revoked"]:
    if token.revoked_at is not None:
        return "revoked"
    return "good" if token.expires_at is None or token.expires_at > now else "expired"


@router.action("/token/{token_id}/revoke")
def revoke(request: Request, house: House, tenant: TokenAdmin, token_id: Part) -> Response:
    """Revoke a token."""
    asking(request).subject = token_id
    asking(request).tenant = house.tokens.revoke(token_id, tenant).tenant
    return lead_to("tokens", done="revoked")
