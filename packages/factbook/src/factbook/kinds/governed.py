"""What admission asks about kinds, answered for each tenant: the built-in ones, those the tenant has registered, and the unknown.

A registered kind is read from the log when it is met first, and again when what is remembered of it is older than a second. A kind or a
version that is not known is looked for at once, so what one process registers can be used in all others immediately.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from factbook.errors import InvalidRecord, UnknownKind
from factbook.kinds.rules import is_name
from factbook.kinds.schemas import check_schema, compile_schema
from factbook_sdk.facts import Category, Deprecation, Kind, KindRegistry, MetadataRecord, MetadataTarget, Origin
from factbook_sdk.facts.admission import UNVERIFIED
from factbook_sdk.facts.kinds.kind_definition import KIND as DEFINITIONS
from factbook_sdk.facts.kinds.kind_definition import KindDefinition
from factbook_sdk.facts.registry import check_against
from factbook_sdk.repository.contract import MetadataRepository

STALE_SECONDS = 1.0
_UNKNOWN_STALE_SECONDS = 0.1
"""How long a kind nobody knows is taken as such without looking again, where its records are taken."""

_MAX_REMEMBERED = 10_000

Used = tuple[str, str, int]
"""Tenant, kind, version."""


def target_of(name: str) -> MetadataTarget:
    """Return what the definition of a kind is about."""
    return MetadataTarget("factbook", None, name)


class _Known:
    """A kind as it was read last, with the validators of its versions; ``kind`` is ``None`` where there is none."""

    def __init__(self, kind: Kind | None, offset: int, read_at: float) -> None:
        self.kind = kind
        self.offset = offset
        self.read_at = read_at
        self.validators: dict[int, Any] = {}

    def validator(self, kind: Kind, version: int) -> Any:
        found = self.validators.get(version)
        if found is None:
            found = self.validators[version] = compile_schema(kind.schema_of(version))
        return found


class GovernedKinds:
    """The kinds of every tenant of one repository. It is made first and given its repository by :meth:`attach`."""

    def __init__(
        self, builtin: KindRegistry, *, accepts_unknown: Callable[[str], bool] = lambda tenant: False, is_copying: bool = False
    ) -> None:
        """``is_copying`` takes what another store has taken: definitions, too, each of which holds for the records after it."""
        self.builtin = builtin
        self._is_copying = is_copying
        self._check_builtin = builtin.check_payload
        self._accepts_unknown = accepts_unknown
        self._storable = frozenset(kind.name for kind in builtin) - {DEFINITIONS.name}
        self._repository: MetadataRepository | None = None
        self._known: dict[tuple[str, str], _Known] = {}

    def attach(self, repository: MetadataRepository) -> None:
        """Read registered kinds from this repository from now on."""
        self._repository = repository

    def check_payload(self, record: MetadataRecord) -> Kind:
        """Refuse a record whose kind or version is unknown or retired, or whose payload breaks the schema; return its kind."""
        if record.kind in self._storable:
            return self._check_builtin(record)
        if record.kind == DEFINITIONS.name:
            if self._is_copying:
                return self._learn(record)
            raise InvalidRecord(
                "A kind is not registered by storing its definition",
                why="its rules would not be checked",
                fix="Use `factbook kinds register` or POST /kinds",
                field="kind",
            )
        if self._is_copying and UNVERIFIED in record.quality:
            # It is copied as it is, though its kind may have been registered since.
            return _unverified(record.kind)
        known = self._find(record.context.tenant, record.kind)
        if known.kind is None:
            return self._unknown(record)
        if record.version not in known.kind.schemas:
            known = self._read(record.context.tenant, record.kind)
        kind = known.kind
        if kind is None:
            return self._unknown(record)
        validator = known.validator(kind, record.version)
        if not self._is_copying:
            _refuse_retired(kind, record.version)
        check_against(record, kind, validator)
        return kind

    def get(self, tenant: str, name: str) -> Kind | None:
        """Return a built-in kind or one that the tenant has registered, as it is now."""
        return self.builtin.get(name) if name in self.builtin else self._read(tenant, name).kind

    def forget(self, tenant: str, name: str) -> None:
        """Read the kind anew when it is needed next: it has just been changed here."""
        self._known.pop((tenant, name), None)

    def warnings(self, used: Iterable[Used]) -> list[str]:
        """Return what those who have just stored records of these kinds and versions should know.

        It goes by what is remembered from admitting them and reads nothing, so a server's loop may ask.
        """
        return [text for item in sorted(set(used)) if item[1] not in self._storable and (text := self._warning(*item))]

    def _warning(self, tenant: str, name: str, version: int) -> str:
        kind = (self._known.get((tenant, name)) or self._read(tenant, name)).kind
        if kind is None:
            return f"{name} is unknown; its records are kept as unverified" if self._accepts_unknown(tenant) else ""
        deprecation = kind.deprecation_of(version)
        if deprecation is None:
            return ""
        parts = [f"{name} version {version} is deprecated since {deprecation.since:%Y-%m-%d}: {deprecation.reason}"]
        parts += [f"use {deprecation.successor}"] if deprecation.successor else []
        parts += [f"it is refused from {deprecation.retires_at:%Y-%m-%dT%H:%M:%SZ} on"] if deprecation.retires_at else []
        return "; ".join(parts)

    def _unknown(self, record: MetadataRecord) -> Kind:
        tenant, name = record.context.tenant, record.kind
        if self._accepts_unknown(tenant) and is_name(name):
            return _unverified(name)
        raise UnknownKind(
            f"The kind {name!r} is unknown",
            why=f"the tenant {tenant} has not registered it, and it is not built in",
            fix="Register it first (`factbook kinds register`, POST /kinds), or correct the name",
            field="kind",
        )

    def _learn(self, record: MetadataRecord) -> Kind:
        """Take a definition that is being copied; it may be in one bulk with the records it is about, so it holds before it is stored."""
        found = self._check_builtin(record)
        kind = kind_of(record)
        name = record.target.table or ""
        if kind is not None:
            for schema in kind.schemas.values():
                check_schema(schema)
        self._known[record.context.tenant, name] = _Known(kind, 0, math.inf)
        return found

    def _find(self, tenant: str, name: str) -> _Known:
        known = self._known.get((tenant, name))
        if known is None:
            return self._read(tenant, name)
        fresh_for = STALE_SECONDS if known.kind else _UNKNOWN_STALE_SECONDS if self._accepts_unknown(tenant) else 0.0
        return known if time.monotonic() - known.read_at < fresh_for else self._read(tenant, name)

    def _read(self, tenant: str, name: str) -> _Known:
        now = time.monotonic()
        if self._repository is None or not is_name(name):
            return _Known(None, 0, now)
        found = self._repository.latest(target_of(name), DEFINITIONS.name, tenant=tenant)
        known = self._known.get((tenant, name))
        if found is not None and known is not None and known.offset == found.offset:
            known.read_at = now
            return known
        if len(self._known) > _MAX_REMEMBERED:
            self._known = {}
        kind = None if found is None else kind_of(found.record)
        known = self._known[tenant, name] = _Known(kind, found.offset if found else 0, now)
        return known


def _unverified(name: str) -> Kind:
    return Kind(name, Category.EVENT, "", {}, origin=Origin.UNVERIFIED)


def kind_of(record: MetadataRecord) -> Kind | None:
    """Return the kind that a ``kind_definition`` records; ``None`` for a closed one."""
    return None if record.payload is None else msgspec.convert(record.payload, KindDefinition).kind()


def is_retired(deprecation: Deprecation | None) -> bool:
    """Return whether records are refused by now."""
    return deprecation is not None and deprecation.retires_at is not None and deprecation.retires_at <= datetime.now(UTC)


def _refuse_retired(kind: Kind, version: int) -> None:
    for deprecation in (kind.deprecated_versions.get(version), kind.deprecated):
        if deprecation is not None and is_retired(deprecation):
            raise InvalidRecord(
                f"{kind.name} version {version} is retired",
                why=deprecation.reason,
                fix=f"Use {deprecation.successor}" if deprecation.successor else f"See `factbook kinds show {kind.name}`",
                field="version",
            )
