"""Service tokens: made here, shown once, kept as SHA-256, revoked.

Each token belongs to the one tenant that all its grants name; one whose grants name several, or a pattern, belongs to ``*``: only admins
of all tenants see and revoke it. Every statement names that tenant, so that a token of another one is looked for as little as one that
never was.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, insert, or_, select, update

from factbook.access.scopes import EVERYTHING, Action, Grant, only_tenant
from factbook.database.control_tables import service_tokens
from factbook.database.engine import Database
from factbook.errors import InvalidRequest, NotFound
from factbook.repository.rows import microseconds, moment
from factbook_sdk.facts.record import as_utc, check_name

PREFIX = "fbt_"
MAX_GRANTS = 100
USE_NOTED_SECONDS = 60
"""``last_used_at`` is exact to this much."""

_FIND = "SELECT token_id, name, grants, expires_at, revoked_at FROM service_tokens WHERE digest = ?"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it may be shown. ``tenant`` is whose admins see it, ``*`` for those of all tenants alone."""

    token_id: str
    tenant: str
    name: str
    grants: list[Grant]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewToken(msgspec.Struct, frozen=True):
    """A token just made, and the ``value`` to send as ``Authorization: Bearer``. Nobody can show the value again."""

    token: Token
    value: str

    def __repr__(self) -> str:
        return f"NewToken({self.token!r})"


class KnownToken(msgspec.Struct, frozen=True):
    """What a check needs of a token; times in microseconds since 1970."""

    token_id: str
    name: str
    grants: tuple[Grant, ...]
    expires_at: int | None
    revoked_at: int | None


class Tokens:
    """The tokens of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, grants: Sequence[Grant], *, created_by: str, expires_at: datetime | None = None) -> NewToken:
        """Make a token. Whoever calls has seen to it that its maker may give away these grants (:func:`tenant_of`)."""
        check_name(name, "name")
        if not 1 <= len(grants) <= MAX_GRANTS:
            raise InvalidRequest(f"{len(grants)} grants were given", why=f"a token has 1 to {MAX_GRANTS}", field="grants")
        now = datetime.now(UTC)
        if expires_at is not None and as_utc(expires_at, "expires_at") <= now:
            raise InvalidRequest("The token would have expired already", fix="Choose a later moment", field="expires_at")
        value = PREFIX + secrets.token_urlsafe(32)
        token = Token(
            token_id=f"token-{secrets.token_hex(6)}",
            tenant=tenant_of(grants),
            name=name,
            grants=list(grants),
            created_by=created_by,
            created_at=now,
            expires_at=None if expires_at is None else as_utc(expires_at, "expires_at"),
            last_used_at=None,
            revoked_at=None,
        )
        with self._database.writing() as connection:
            connection.execute(insert(service_tokens).values(digest=digest(value), **_columns(token)))
        return NewToken(token, value)

    def list(self, tenant: str | None = None) -> list[Token]:
        """Return the tokens of a tenant, or (``None``) all there are, by id; the revoked ones, too."""
        statement = select(service_tokens).order_by(service_tokens.c.token_id)
        if tenant is not None:
            statement = statement.where(service_tokens.c.tenant == tenant)
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(statement)]

    def get(self, token_id: str, tenant: str | None = None) -> Token:
        """Return a token of a tenant, or (``None``) of any; raises :class:`NotFound`."""
        with self._database.reading() as connection:
            row = connection.execute(select(service_tokens).where(*_is(token_id, tenant))).first()
        if row is None:
            raise _unknown(token_id)
        return _token(row)

    def revoke(self, token_id: str, tenant: str | None = None) -> Token:
        """End a token and return it; every process refuses it within two seconds. One that was revoked stays as it is; raises
        :class:`NotFound`."""
        now = microseconds(datetime.now(UTC))
        with self._database.writing() as connection:
            first = update(service_tokens).where(*_is(token_id, tenant), service_tokens.c.revoked_at.is_(None)).values(revoked_at=now)
            connection.execute(first)
        return self.get(token_id, tenant)

    def find(self, value_digest: bytes) -> KnownToken | None:
        """Return what a check needs of the token whose value has this digest."""
        row = self._database.fetch_one(_FIND, (value_digest,))
        if row is None:
            return None
        return KnownToken(row[0], row[1], msgspec.json.decode(row[2], type=tuple[Grant, ...]), row[3], row[4])

    def note_uses(self, token_ids: Collection[str]) -> None:
        """Write down that tokens are in use. Of several processes that say so within a minute, one writes."""
        now = microseconds(datetime.now(UTC))
        last = service_tokens.c.last_used_at
        is_due = or_(last.is_(None), last < now - USE_NOTED_SECONDS * 1_000_000)
        with self._database.writing() as connection:
            connection.execute(update(service_tokens).where(service_tokens.c.token_id.in_(token_ids), is_due).values(last_used_at=now))

    def has_admin(self) -> bool:
        """Return whether any token that is good now may administer something."""
        now = datetime.now(UTC)
        return any(
            token.revoked_at is None
            and (token.expires_at is None or token.expires_at > now)
            and any(grant.action is Action.ADMIN for grant in token.grants)
            for token in self.list()
        )


def digest(value: str) -> bytes:
    """Return what is kept of a token's value. It is random and long, so that nothing slower than SHA-256 is needed."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()


def tenant_of(grants: Collection[Grant]) -> str:
    """Return whose admins may make, see and revoke a token with these grants; ``*`` means admins of every tenant."""
    return only_tenant(grants) or EVERYTHING


def _is(token_id: str, tenant: str | None) -> list[ColumnElement[bool]]:
    conditions = [service_tokens.c.token_id == token_id]
    return conditions if tenant is None else [*conditions, service_tokens.c.tenant == tenant]


def _columns(token: Token) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "tenant": token.tenant,
        "name": token.name,
        "grants": msgspec.json.encode(token.grants).decode(),
        "created_by": token.created_by,
        "created_at": microseconds(token.created_at),
        "expires_at": None if token.expires_at is None else microseconds(token.expires_at),
    }


def _token(row: Row[Any]) -> Token:
    return Token(
        token_id=row.token_id,
        tenant=row.tenant,
        name=row.name,
        grants=msgspec.json.decode(row.grants, type=list[Grant]),
        created_by=row.created_by,
        created_at=moment(row.created_at),
        expires_at=_moment(row.expires_at),
        last_used_at=_moment(row.last_used_at),
        revoked_at=_moment(row.revoked_at),
    )


def _moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)


def _unknown(token_id: str) -> NotFound:
    return NotFound(f"There is no token {token_id!r}", fix="`factbook tokens list` shows what there is", field="token_id")
