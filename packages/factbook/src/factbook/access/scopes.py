"""Who may do what, as values: grants, and the principals that hold them. Pure: nothing is looked up here.

A grant is an action on a tenant, a namespace and kinds, each a name or a pattern in which ``*`` stands for anything. ``admin`` holds
``write`` and ``read``; ``write`` alone lets nothing be read. The namespace is the record's ``context.namespace``; a record without one has
the empty namespace, which only patterns of nothing but ``*`` match.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

import msgspec

from factbook.errors import InvalidRequest
from factbook_sdk.facts.record import MAX_NAME_LENGTH

EVERYTHING = "*"


class Action(StrEnum):
    """What may be done. ``admin`` also manages tokens and connections."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One permission: an action wherever all three patterns match."""

    action: Action
    tenant: str
    namespace: str = EVERYTHING
    kinds: tuple[str, ...] = (EVERYTHING,)

    def __post_init__(self) -> None:
        for field, pattern in (("tenant", self.tenant), ("namespace", self.namespace), *(("kinds", kind) for kind in self.kinds)):
            if not 0 < len(pattern) <= MAX_NAME_LENGTH or "\x00" in pattern:
                raise InvalidRequest(
                    f"{pattern!r} is no pattern", why=f"it needs 1 to {MAX_NAME_LENGTH} characters", field=f"grants.{field}"
                )
        if not self.kinds:
            raise InvalidRequest("A grant names no kind", fix="Name some, or * for all", field="grants.kinds")

    def covers(self, other: Grant) -> bool:
        """Return whether everything that the other grant allows is allowed by this one.

        A pattern that matches another one's text matches whatever that one matches: its stars can only fall under stars.
        """
        return (
            self.action in (other.action, Action.ADMIN)
            and matches(self.tenant, other.tenant)
            and matches(self.namespace, other.namespace)
            and all(any(matches(ours, theirs) for ours in self.kinds) for theirs in other.kinds)
        )


class Who(StrEnum):
    """How a principal made itself known."""

    TOKEN = "token"  # noqa: S105 - a word, no secret
    KEY = "key"
    LOCAL = "local"
    NOBODY = "nobody"


class Principal(msgspec.Struct, frozen=True):
    """Whoever asks: a token, the API key, somebody on this machine without either, or nobody who could be told. ``token_id`` is set
    for tokens alone."""

    who: Who
    name: str
    grants: tuple[Grant, ...]
    token_id: str | None = None

    def may(self, action: Action, tenant: str, namespace: str | None, kind: str) -> bool:
        """Return whether this very thing is allowed."""
        return any(matches(pattern, namespace or "") for pattern in self.namespaces(action, tenant, kind))

    def namespaces(self, action: Action, tenant: str, kind: str) -> tuple[str, ...]:
        """Return the patterns of namespaces in which the action on a tenant's kind is allowed; empty for none."""
        return tuple(
            grant.namespace
            for grant in self.grants
            if grant.action in (action, Action.ADMIN)
            and matches(grant.tenant, tenant)
            and any(matches(pattern, kind) for pattern in grant.kinds)
        )

    def may_all(self, action: Action, tenant: str, kinds: Iterable[str] = (EVERYTHING,)) -> bool:
        """Return whether the action is allowed on all of these kinds, whatever the namespace."""
        return all(any(grant.covers(Grant(action, tenant, EVERYTHING, (kind,))) for grant in self.grants) for kind in kinds)

    def may_some(self, action: Action, tenant: str) -> bool:
        """Return whether the action is allowed on anything of the tenant's."""
        return any(grant.action in (action, Action.ADMIN) and matches(grant.tenant, tenant) for grant in self.grants)

    @property
    def may_write(self) -> bool:
        """Return whether anything may be written at all."""
        return any(grant.action is not Action.READ for grant in self.grants)

    @property
    def only_tenant(self) -> str | None:
        """Return the one tenant that all grants name, if there is one."""
        return only_tenant(self.grants)

    @property
    def runs_the_server(self) -> bool:
        """Return whether this is the key, somebody on this machine, or an admin of every tenant."""
        return self.who in (Who.KEY, Who.LOCAL) or self.runs_every_tenant

    @property
    def runs_every_tenant(self) -> bool:
        """Return whether this is an admin of every tenant."""
        return self.may_all(Action.ADMIN, EVERYTHING)

    @property
    def title(self) -> str:
        """Return what to call the principal where it is kept: a token by its id as well, since names are not unique."""
        return f"{self.name} ({self.token_id})" if self.token_id else self.name

    def __str__(self) -> str:
        return f"The token {self.name!r}" if self.who is Who.TOKEN else self.name


def of_key() -> Principal:
    """Return the holder of API_KEY: admin of every tenant."""
    return Principal(Who.KEY, "The API key", (Grant(Action.ADMIN, EVERYTHING),))


def of_this_machine(tenant: str, *, may_write: bool) -> Principal:
    """Return somebody on this machine without key or token, who sees the server's own tenant alone."""
    return Principal(Who.LOCAL, "A request without key or token", (Grant(Action.ADMIN if may_write else Action.READ, _literally(tenant)),))


def of_nobody() -> Principal:
    """Return whoever could not be told; nothing is allowed."""
    return Principal(Who.NOBODY, "A stranger", ())


def only_tenant(grants: Collection[Grant]) -> str | None:
    """Return the tenant that all grants name, ``None`` if they name several or a pattern."""
    tenants = {grant.tenant for grant in grants}
    return tenants.pop() if len(tenants) == 1 and not any("*" in tenant for tenant in tenants) else None


def matches(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern in which ``*`` stands for any characters, also none; in linear time."""
    if pattern == EVERYTHING:
        return True
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def is_everything(pattern: str) -> bool:
    """Return whether a pattern matches every text, the empty one, too."""
    return not pattern.strip("*")


def _literally(tenant: str) -> str:
    """Refuse a tenant's name that would be taken for a pattern."""
    if "*" in tenant:
        raise InvalidRequest(f"TENANT is {tenant!r}", why="* stands for any tenant", fix="Choose a name without it")
    return tenant
