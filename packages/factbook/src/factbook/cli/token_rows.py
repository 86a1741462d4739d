"""Tokens as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from factbook.cli.tables import show_table
from factbook.cli.terminal import note, utc

if TYPE_CHECKING:
    from factbook.access import Grant
    from factbook.access.tokens import Token


def show_tokens(tokens: Sequence[Token]) -> None:
    """Print a row a token."""
    if not tokens:
        note("No tokens. Make one: factbook tokens create NAME --read '*'")
        return
    rows = [
        (token.token_id, token.name, _state(token), "; ".join(map(_grant, token.grants)), utc(token.expires_at), utc(token.last_used_at))
        for token in tokens
    ]
    show_table(("token", "name", "state", "may", "expires", "last used"), rows)


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= datetime.now(UTC) else "good"


def _grant(grant: Grant) -> str:
    where = grant.tenant if grant.namespace == "*" else f"{grant.tenant}/{grant.namespace}"
    return f"{grant.action.value} {', '.join(grant.kinds)} in {where}"
