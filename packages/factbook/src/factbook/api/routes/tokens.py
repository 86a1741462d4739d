"""``/tokens``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.access.tokens import NewToken, Token, tenant_of
from factbook.api import answers
from factbook.api.access import TenantAdmin, TokenAdmin, asking, check_admin
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, House, Limit, PathName
from factbook.api.schemas import TokenPage, TokenWish, page_of

router = APIRouter(tags=["tokens"])


@router.get("/tokens", responses=described(TokenPage, "Tokens by id, without their values."))
def list_tokens(house: House, tenant: TokenAdmin, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """List a tenant's tokens, the revoked ones, too. Admins of every tenant see all if they name none, and by `*` those of several."""
    return answers.json(TokenPage(*page_of(house.tokens.list(tenant), lambda token: token.token_id, limit=limit, cursor=cursor)))


@router.post(
    "/tokens",
    status_code=201,
    responses=described(NewToken, "The token, with the value that is shown this once.", status=201, errors=WRITE_ERRORS),
    openapi_extra=takes(TokenWish),
)
def create_token(request: Request, house: House, rooms: TenantAdmin, wish: Annotated[TokenWish, json_body(TokenWish)]) -> Response:
    """Make a token. Admins of a tenant give away grants on it; grants on several tenants, or a pattern, take an admin of every one."""
    check_admin(request, tenant_of(wish.grants))
    made = house.tokens.create(wish.name, wish.grants, created_by=asking(request).principal.title, expires_at=wish.expires_at)
    asking(request).subject = made.token.token_id
    return answers.json_once(made, location=answers.under_same_prefix(request, f"/tokens/{made.token.token_id}"))


@router.get("/tokens/{token_id}", responses=described(Token, "The token, without its value.", errors=(404,)))
def show_token(house: House, tenant: TokenAdmin, token_id: PathName) -> Response:
    """Show one token."""
    return answers.json(house.tokens.get(token_id, tenant))


@router.delete(
    "/tokens/{token_id}", status_code=204, responses=described(None, "It is refused from now on.", status=204, errors=(404, 415))
)
def revoke_token(request: Request, house: House, tenant: TokenAdmin, token_id: PathName) -> Response:
    """Revoke a token. Every server on the store refuses it within two seconds."""
    asking(request).subject = token_id
    asking(request).tenant = house.tokens.revoke(token_id, tenant).tenant
    return answers.no_content()
