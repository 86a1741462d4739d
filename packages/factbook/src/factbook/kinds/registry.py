"""Register, list, show and deprecate kinds. Each change is a fact; it is judged and recorded under the append lock.

Two that register at the same time are judged one after the other, the second by what the first has left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import msgspec
from sqlalchemy import Connection, func, select

from factbook.database.log_tables import streams
from factbook.errors import KindRefused, KindTaken, NeedsDatabase, UnknownKind
from factbook.kinds.governed import GovernedKinds, Used, kind_of, target_of
from factbook.kinds.rules import Proposal, Registered, Verdict, check_indexed, check_proposal, judge, refuse_breaking
from factbook.kinds.schemas import check_schema
from factbook.repository.appending import lock_head
from factbook.repository.latest import latest
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import Admission, Category, Deprecation, Kind, MetadataContext, MetadataRecord, Origin
from factbook_sdk.facts.compatibility import Compatibility
from factbook_sdk.facts.kinds.kind_definition import KIND as DEFINITIONS
from factbook_sdk.facts.kinds.kind_definition import KindDefinition
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord, Within

Answer = TypeVar("Answer")

PRODUCER_ID = "kinds.v1"
MAX_KINDS = 1_000
"""Kinds a tenant may register."""


class Kinds:
    """The kinds of a repository's tenants; ``tenant`` is whose are meant where a call names none."""

    def __init__(self, repository: MetadataRepository, governed: GovernedKinds, *, tenant: str) -> None:
        self._repository = repository
        self._governed = governed
        self._tenant = tenant
        self._admission = Admission(governed.builtin)

    @property
    def _sql(self) -> SqlRepository:
        """The repository, for what needs its lock; raises :class:`NeedsDatabase` for any other."""
        if not isinstance(self._repository, SqlRepository):
            raise NeedsDatabase("Registering kinds needs a database")
        return self._repository

    def _seen(self, tenant: str) -> list[str]:
        """Return the names of the kinds of which a tenant has records, where the store can tell."""
        return self._repository.kinds_of(tenant) if isinstance(self._repository, SqlRepository) else []

    def listed(self, tenant: str | None = None) -> list[Kind]:
        """Return every kind of a tenant by name: built-in, registered, and those of which only unverified records are there."""
        owner = tenant or self._tenant
        found = {kind.name: kind for kind in self._governed.builtin}
        definitions = self._repository.latest_many(Within("factbook"), DEFINITIONS.name, tenant=owner)
        for item in definitions.values():
            kind = kind_of(item.record)
            if kind is not None:
                found.setdefault(kind.name, kind)
        for name in self._seen(owner):
            found.setdefault(name, _unverified(name))
        return sorted(found.values(), key=lambda kind: kind.name)

    def get(self, name: str, tenant: str | None = None) -> Kind:
        """Return a kind; raises :class:`UnknownKind` with the names there are."""
        owner = tenant or self._tenant
        kind = self._governed.get(owner, name)
        if kind is not None:
            return kind
        if name in self._seen(owner):
            return _unverified(name)
        raise UnknownKind(
            f"The kind {name!r} is unknown",
            why=f"registered are {', '.join(kind.name for kind in self.listed(owner) if kind.is_verified)}",
            fix="Register it first, or correct the name",
            field="kind",
        )

    def warnings(self, used: set[Used]) -> list[str]:
        """Return what those who have just stored records of these kinds and versions should know."""
        return self._governed.warnings(used)

    def check(self, proposal: Proposal, tenant: str | None = None) -> Verdict:
        """Return what registering would do; raises :class:`KindRefused` for what breaks a rule, changes nothing."""
        self._check_rules(proposal)
        return judge(self._governed.get(tenant or self._tenant, proposal.name), proposal)[1]

    def register(self, proposal: Proposal, tenant: str | None = None, *, only_new: bool = False) -> Registered:
        """Register a kind, or its next version; the same again changes nothing. With ``only_new`` a kind that is there is left as it is.

        Raises :class:`KindRefused` for what breaks a rule, :class:`KindIncompatible` for a version that would break readers, and
        :class:`KindTaken` for what contradicts the kind that is there.
        """
        self._check_rules(proposal)

        def registered(current: Kind | None) -> tuple[Kind, Registered]:
            kind, verdict = judge(current, proposal)
            if only_new and current is not None and kind != current:
                raise KindTaken(
                    f"The kind {current.name} is there already",
                    why="its declaration differs",
                    fix=f"Add a version with POST /kinds/{current.name}/versions, change the rest with PATCH /kinds/{current.name}",
                    field="name",
                )
            refuse_breaking(verdict)
            return kind, Registered(kind, _outcome(current, kind), verdict)

        return self._change(tenant, proposal.name, registered)

    def add_version(self, name: str, schema: dict[str, Any], version: int | None = None, tenant: str | None = None) -> Registered:
        """Register the next version of a kind that is there; whatever else is declared of it stays."""
        kind = self._registered(self.get(name, tenant))
        proposal = Proposal(name, kind.category, kind.description, schema, version, kind.compatibility, list(kind.indexed))
        self._check_rules(proposal)

        def added(current: Kind | None) -> tuple[Kind, Registered]:
            there = self._there(current, name, tenant)
            extended, verdict = judge(there, proposal)
            refuse_breaking(verdict)
            changed = msgspec.structs.replace(there, schemas=extended.schemas)
            return changed, Registered(changed, _outcome(there, changed), verdict)

        return self._change(tenant, name, added)

    def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        compatibility: Compatibility | None = None,
        indexed: list[str] | None = None,
        tenant: str | None = None,
    ) -> Kind:
        """Change what is declared of a kind beside its schemas. A path that is indexed from now on is filled from the log at once."""
        if indexed is not None:
            check_indexed(indexed)
        changes: dict[str, Any] = {"description": description, "compatibility": compatibility}
        changes["indexed"] = None if indexed is None else tuple(indexed)
        given = {field: value for field, value in changes.items() if value is not None}

        def described(current: Kind | None) -> tuple[Kind, Kind]:
            kind = msgspec.structs.replace(self._there(current, name, tenant), **given)
            check_proposal(Proposal(name, kind.category, kind.description, {}, indexed=list(kind.indexed)))
            return kind, kind

        return self._change(tenant, name, described)

    def deprecate(
        self,
        name: str,
        *,
        reason: str,
        version: int | None = None,
        successor: str | None = None,
        retires_at: datetime | None = None,
        tenant: str | None = None,
    ) -> Kind:
        """Say that a kind, or one version of it, should no longer be used: its records are taken with a warning until ``retires_at``."""
        deprecation = Deprecation(datetime.now(UTC), reason, successor, retires_at)
        return self._deprecated(name, version, deprecation, tenant)

    def restore(self, name: str, *, version: int | None = None, tenant: str | None = None) -> Kind:
        """Take a deprecation back."""
        return self._deprecated(name, version, None, tenant)

    def _deprecated(self, name: str, version: int | None, deprecation: Deprecation | None, tenant: str | None) -> Kind:
        def changed(current: Kind | None) -> tuple[Kind, Kind]:
            kind = self._there(current, name, tenant)
            if version is None:
                kind = msgspec.structs.replace(kind, deprecated=_since_before(kind.deprecated, deprecation))
                return kind, kind
            kind.schema_of(version)
            versions = {number: item for number, item in kind.deprecated_versions.items() if number != version}
            if deprecation is not None:
                versions[version] = _since_before(kind.deprecated_versions.get(version), deprecation) or deprecation
            kind = msgspec.structs.replace(kind, deprecated_versions=versions)
            return kind, kind

        return self._change(tenant, name, changed)

    def _check_rules(self, proposal: Proposal) -> None:
        check_proposal(proposal)
        if proposal.name in self._governed.builtin:
            raise KindTaken(
                f"The kind {proposal.name} is built in",
                why="built-in kinds are the same for everybody",
                fix="Choose another name",
                field="name",
            )
        check_schema(proposal.schema)

    def _there(self, current: Kind | None, name: str, tenant: str | None) -> Kind:
        return self._registered(current if current is not None else self.get(name, tenant))

    @staticmethod
    def _registered(kind: Kind) -> Kind:
        """Refuse to change what nobody has registered."""
        if kind.origin is Origin.BUILTIN:
            raise KindTaken(f"The kind {kind.name} is built in", why="built-in kinds are the same for everybody", field="name")
        if kind.origin is Origin.UNVERIFIED:
            raise UnknownKind(f"The kind {kind.name} is not registered", why="only unverified records of it are there", field="kind")
        return kind

    def _change(self, tenant: str | None, name: str, change: Callable[[Kind | None], tuple[Kind, Answer]]) -> Answer:
        """Record the kind that ``change`` makes of the one in force. The lock keeps everybody else from changing it meanwhile."""
        owner = tenant or self._tenant
        with self._sql.transaction() as transaction:
            lock_head(transaction.connection)
            in_force = self._in_force(transaction.connection, owner, name)
            before = None if in_force is None else kind_of(in_force.record)
            kind, answer = change(before)
            if kind != before:
                transaction.append_admitted([self._admission.admit(_definition(kind, owner, in_force))])
        self._governed.forget(owner, name)
        return answer

    def _in_force(self, connection: Connection, tenant: str, name: str) -> StoredRecord | None:
        channel = self._sql.numbers.channel(connection, tenant, DEFINITIONS.name)
        if channel is None:
            return None
        found = latest(connection, self._sql.bodies, channel, tenant, [target_of(name)], None, None).get(target_of(name))
        if found is None:
            count = connection.scalar(select(func.count()).select_from(streams).where(streams.c.channel_no == channel)) or 0
            if count >= MAX_KINDS:
                raise KindRefused(f"{tenant} has {count:,} kinds", why="no more may be registered", fix="Use versions", field="name")
        return found


def _outcome(before: Kind | None, after: Kind) -> Literal["created", "version_added", "changed", "unchanged"]:
    if before is None:
        return "created"
    if after == before:
        return "unchanged"
    return "version_added" if len(after.schemas) > len(before.schemas) else "changed"


def _definition(kind: Kind, tenant: str, before: StoredRecord | None) -> MetadataRecord:
    """Return the record of a kind; it is true after the one before, whatever the clocks of two processes say."""
    payload = msgspec.to_builtins(KindDefinition.of(kind))
    now = datetime.now(UTC)
    if before is not None:
        now = max(now, before.record.produced_at + timedelta(microseconds=1))
    return MetadataRecord(target_of(kind.name), DEFINITIONS.name, payload, now, PRODUCER_ID, MetadataContext(tenant=tenant))


def _since_before(before: Deprecation | None, after: Deprecation | None) -> Deprecation | None:
    """Keep since when it is deprecated where only the rest changes; the same again is no change."""
    return after if before is None or after is None else msgspec.structs.replace(after, since=before.since)


def _unverified(name: str) -> Kind:
    return Kind(name, Category.EVENT, "Not registered; its records were taken unverified.", {}, origin=Origin.UNVERIFIED)
