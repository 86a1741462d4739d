"""The register of sources: how each is reached. It holds connections, never facts; forgetting a connection forgets no fact."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from factbook.database.control_tables import sources
from factbook.database.engine import Database
from factbook.errors import InvalidRequest, NotFound
from factbook.sources.isolation import check_brings_its_own
from factbook.sources.secrets import SecretBox
from factbook.sources.urls import (
    expand,
    has_password,
    is_url,
    redact,
    same_place,
    same_server,
    split_password,
    takes_password,
    with_absolute_path,
    with_password,
)

_SOURCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Connection(msgspec.Struct, frozen=True):
    """A registered source as it may be shown: ``url`` without secrets."""

    source_id: str
    url: str
    has_password: bool
    created_at: datetime
    updated_at: datetime


class Connections:
    """The registered sources of one tenant.

    ``lends`` is whether their URLs may use this server's files, environment and passwords: only for the server's own tenant.
    """

    def __init__(self, database: Database, tenant: str, box: SecretBox, *, lends: bool = True) -> None:
        self._database = database
        self._tenant = tenant
        self._box = box
        self._lends = lends

    def add(self, source_id: str, url: str, *, password: str | None = None) -> Connection:
        """Register a source, or change how it is reached; a password in the URL or beside it is kept encrypted."""
        return self._keep(source_id, *self._given(source_id, url, password))

    def change(self, source_id: str, url: str, *, password: str | None = None) -> Connection:
        """Change how a registered source is reached; raises :class:`NotFound`. Without a new password the old one stays, as long as nothing
        but the database on the same server changes: it is not told to another one."""
        return self._keep(source_id, *self._changed(source_id, url, password))

    def tried(self, source_id: str, url: str, *, password: str | None = None) -> str:
        """Return the URL to connect with if the source were registered, or is changed, like this. Nothing is kept."""
        given = self._changed if self.knows(source_id) else self._given
        return self._resolved(source_id, *given(source_id, url, password))

    def _given(self, source_id: str, url: str, password: str | None) -> tuple[str, str | None]:
        """Return the URL without its password, and the password; refuse what cannot be a source."""
        check_source_id(source_id)
        if not is_url(url):
            raise InvalidRequest(f"The URL of {source_id} is no URL", fix="Write for example postgresql://USER@HOST/DATABASE", field="url")
        bare, inline = split_password(with_absolute_path(url))
        secret = password or inline
        self._check(bare, has_password=secret is not None)
        if secret is not None:
            with_password(bare, secret)
        return bare, secret

    def _changed(self, source_id: str, url: str, password: str | None) -> tuple[str, str | None]:
        row = self._require(source_id)
        inline = split_password(url)[1] if is_url(url) else None
        stays = password is None and inline is None and row.secret is not None and same_server(row.url, url)
        return self._given(source_id, url, self._unsealed(row) if stays else password)

    def _keep(self, source_id: str, bare: str, secret: str | None) -> Connection:
        now = (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)
        values = {"url": bare, "secret": self._box.seal(secret, self._identity(source_id)) if secret else None, "updated_at": now}
        with self._database.writing() as connection:
            insert = sqlite.insert if self._database.dialect == "sqlite" else postgresql.insert
            row = insert(sources).values(tenant=self._tenant, source_id=source_id, created_at=now, **values)
            connection.execute(row.on_conflict_do_update(index_elements=[sources.c.tenant, sources.c.source_id], set_=values))
        return self.get(source_id)

    def introduce(self, source_id: str, url: str, *, keep_password: bool) -> None:
        """Register a source that is not known yet; refuse to take another database for a known one.

        With ``keep_password`` a password in the URL is kept, also in place of an older one: a job in the background will need it.
        """
        check_source_id(source_id)
        self._check(url, has_password=self._lends or split_password(url)[1] is not None)
        known = self._row(source_id)
        if known is None:
            self.add(source_id, url if keep_password else split_password(url)[0])
        elif not same_place(known.url, url):
            raise InvalidRequest(
                f"The source {source_id} is another database",
                why=f"it is registered as {redact(known.url)}",
                fix="Give this one its own --source-id, or change the registration with `factbook sources add`",
                field="source_id",
            )
        elif keep_password and split_password(url)[1] is not None:
            self.add(source_id, url)

    def knows(self, source_id: str) -> bool:
        """Return whether the source is registered."""
        return self._row(source_id) is not None

    def get(self, source_id: str) -> Connection:
        """Return a source as it may be shown; raises :class:`NotFound`."""
        return _show(self._require(source_id))

    def list(self) -> list[Connection]:
        """Return all sources by id."""
        with self._database.reading() as connection:
            rows = connection.execute(select(sources).where(sources.c.tenant == self._tenant).order_by(sources.c.source_id))
            return [_show(row) for row in rows]

    def remove(self, source_id: str) -> None:
        """Forget how a source is reached; raises :class:`NotFound`."""
        with self._database.writing() as connection:
            if not connection.execute(delete(sources).where(*self._is(source_id))).rowcount:
                raise _unknown(source_id)

    def resolve(self, source_id: str) -> str:
        """Return the URL to connect with: references replaced, the password from the register or the environment put in."""
        row = self._require(source_id)
        self._check(row.url, has_password=row.secret is not None)
        return self._resolved(source_id, str(row.url), None if row.secret is None else self._unsealed(row))

    def _resolved(self, source_id: str, url: str, password: str | None) -> str:
        if password is not None:
            return with_password(expand(url) if self._lends else url, password)
        return self.complete(source_id, url)

    def _unsealed(self, row: Row[Any]) -> str:
        return self._box.unseal(bytes(row.secret), self._identity(row.source_id))

    def complete(self, source_id: str, url: str) -> str:
        """Return the URL with what this server lends put in."""
        return complete(source_id, url) if self._lends else url

    def _check(self, url: str, *, has_password: bool) -> None:
        if not self._lends:
            check_brings_its_own(url, has_password=has_password)

    def _identity(self, source_id: str) -> str:
        return f"{self._tenant}/{source_id}"

    def _is(self, source_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return sources.c.tenant == self._tenant, sources.c.source_id == source_id

    def _row(self, source_id: str) -> Row[Any] | None:
        with self._database.reading() as connection:
            return connection.execute(select(sources).where(*self._is(source_id))).first()

    def _require(self, source_id: str) -> Row[Any]:
        row = self._row(source_id)
        if row is None:
            raise _unknown(source_id)
        return row


def complete(source_id: str, url: str) -> str:
    """Return the URL with references replaced and, where it has a place for a password but none, the environment's password."""
    resolved = expand(url)
    password = environment_password(source_id)
    if password is None or not takes_password(resolved) or has_password(resolved):
        return resolved
    return with_password(resolved, password)


def environment_password(source_id: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the password kept in ``FACTBOOK_PASSWORD_<SOURCE_ID>`` or ``FACTBOOK_SOURCE_PASSWORD``, if any."""
    values = os.environ if environment is None else environment
    name = "FACTBOOK_PASSWORD_" + re.sub(r"[^A-Za-z0-9]", "_", source_id).upper()
    return values.get(name) or values.get("FACTBOOK_SOURCE_PASSWORD") or None


def check_source_id(source_id: str) -> str:
    """Refuse a source id that could not be typed, or stand in a path or a variable's name."""
    if not _SOURCE_ID.fullmatch(source_id):
        raise InvalidRequest(
            f"{source_id!r} is no source id",
            why="it starts with a letter or digit and holds only letters, digits, _ . and -, 128 at most",
            field="source_id",
        )
    return source_id


def _unknown(source_id: str) -> NotFound:
    return NotFound(f"The source {source_id!r} is not registered", fix=f"factbook sources add {source_id} URL", field="source_id")


def _show(row: Row[Any]) -> Connection:
    created, updated = (_EPOCH + timedelta(microseconds=value) for value in (row.created_at, row.updated_at))
    return Connection(row.source_id, redact(row.url), row.secret is not None, created, updated)
