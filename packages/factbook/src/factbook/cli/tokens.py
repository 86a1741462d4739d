"""``factbook tokens``: make, list and revoke the tokens of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json

if TYPE_CHECKING:
    from factbook.access import Grant

app = typer.Typer(help="Make, list and revoke tokens for the service.", no_args_is_help=True)

TokenId = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `factbook tokens list` shows it.", show_default=False)]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="The tenant, or a pattern with *; default: TENANT.", show_default=False)
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    read: Annotated[
        list[str] | None, typer.Option("--read", metavar="KIND", help="It may read this kind, or pattern of kinds; repeatable.")
    ] = None,
    write: Annotated[
        list[str] | None, typer.Option("--write", metavar="KIND", help="It may write this kind, or pattern of kinds; repeatable.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="It may do everything in the tenant, and manage its tokens and sources.")] = False,
    tenant: Tenant = None,
    namespace: Annotated[
        str, typer.Option("--namespace", metavar="PATTERN", help="Only records whose context.namespace is this; * stands for all.")
    ] = "*",
    days: Annotated[
        float | None, typer.Option("--days", metavar="N", min=0.0001, max=36500, help="It expires after so many days.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token and show its value, this once.

    It is sent as `Authorization: Bearer VALUE`, or given to the SDK as token=.
    """
    from datetime import UTC, datetime, timedelta

    from factbook.cli.documents import show_json
    from factbook.cli.terminal import note, say

    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with opened() as factbook:
        grants = _grants(read or [], write or [], admin, tenant or factbook.settings.tenant, namespace)
        made = factbook.tokens.create(name, grants, created_by="factbook tokens create", expires_at=expires_at)
    if as_json:
        show_json(made)
    else:
        say(made.value)
        note(f"{made.token.token_id} for {name}. Keep the value now: it cannot be shown again.")


@app.command("list")
def list_tokens(
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Only those of this tenant.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """List the tokens, without their values."""
    from factbook.cli import token_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        tokens = factbook.tokens.list(tenant)
    show_json(tokens) if as_json else token_rows.show_tokens(tokens)


@app.command()
def revoke(token_id: TokenId, as_json: Json = False) -> None:
    """Revoke a token; every server refuses it within two seconds."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say

    with opened() as factbook:
        factbook.tokens.revoke(token_id)
    if as_json:
        show_json({"revoked": token_id})
    else:
        say(f"Revoked {token_id}.")


def _grants(read: list[str], write: list[str], admin: bool, tenant: str, namespace: str) -> list[Grant]:
    from factbook.access import Action, Grant
    from factbook.errors import InvalidRequest

    wanted = ((Action.READ, read), (Action.WRITE, write), (Action.ADMIN, ["*"] if admin else []))
    grants = [Grant(action, tenant, namespace, tuple(kinds)) for action, kinds in wanted if kinds]
    if not grants:
        raise InvalidRequest("The token would allow nothing", fix="Give it --read KIND, --write KIND (* for all kinds) or --admin")
    return grants
