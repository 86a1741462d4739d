"""Whether records may be written, decided on what they say of themselves: tenant, kind, namespace. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from factbook.access.scopes import EVERYTHING, Action, Principal
from factbook.errors import InvalidRecord
from factbook_sdk.facts import MetadataRecord

Place = tuple[str, str, str | None]
"""Tenant, kind, namespace."""


_MAX_REMEMBERED = 10_000

_OF_ADMINS = frozenset({"audit", "retention_policy"})
"""Kinds that tell what others did and what becomes of their records: only who administers the whole tenant may store them."""


class WriteCheck:
    """The refusals of one principal, each worked out once however many records are alike. Safe to use from many threads."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._is_free = principal.may_all(Action.ADMIN, EVERYTHING)
        self._known: dict[Place, InvalidRecord | None] = {}

    def __call__(self, tenant: str, kind: str, namespace: str | None) -> InvalidRecord | None:
        """Return why such a record is refused, ``None`` if it may be written."""
        if self._is_free:
            return None
        place = (tenant, kind, namespace)
        if place in self._known:
            return self._known[place]
        if len(self._known) >= _MAX_REMEMBERED:
            self._known = {}
        refusal = self._known[place] = _refusal(self._principal, *place)
        return refusal

    def of(self, record: MetadataRecord) -> InvalidRecord | None:
        """Return why a record is refused, ``None`` if it may be written."""
        return None if self._is_free else self(record.context.tenant, record.kind, record.context.namespace)


@lru_cache(maxsize=1024)
def write_check(principal: Principal) -> WriteCheck:
    """Return the check of a principal, the same one as long as it is remembered."""
    return WriteCheck(principal)


def refusals(principal: Principal, places: Iterable[Place]) -> list[InvalidRecord | None]:
    """Return, for each (tenant, kind, namespace), why a record of it is refused, or ``None``."""
    check = write_check(principal)
    return [check(*place) for place in places]


def _refusal(principal: Principal, tenant: str, kind: str, namespace: str | None) -> InvalidRecord | None:
    """Name the outermost thing that is not granted. Nothing is said of what is there."""
    is_open = kind not in _OF_ADMINS or principal.may_all(Action.ADMIN, tenant)
    if is_open and principal.may(Action.WRITE, tenant, namespace, kind):
        return None
    fix = "Correct the record, or ask an admin for a token that may"
    if not principal.may_some(Action.WRITE, tenant):
        return InvalidRecord(
            "The record belongs to another tenant", why=f"{principal} may not write to {tenant}", fix=fix, field="context.tenant"
        )
    if not is_open or not principal.namespaces(Action.WRITE, tenant, kind):
        return InvalidRecord("The record is of another kind", why=f"{principal} may not write {kind}", fix=fix, field="kind")
    shown = "no namespace" if namespace is None else f"the namespace {namespace}"
    return InvalidRecord(
        "The record belongs to another namespace",
        why=f"{principal} may not write {kind} with {shown}",
        fix=fix,
        field="context.namespace",
    )
