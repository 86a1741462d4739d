"""Whose records a request may read and store: decided here and nowhere else.

Every request reads one tenant: the one it names, else the server's own. A record says itself whose it is. Both must be served here:
``TENANT``, and what ``TENANTS`` adds to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends

from factbook.api.parameters import House, TenantName
from factbook.api.problems import NotAllowed

if TYPE_CHECKING:
    from factbook.settings import Settings

ALL = "*"


def serves(settings: Settings, tenant: str) -> bool:
    """Return whether requests may name this tenant."""
    return tenant == settings.tenant or ALL in settings.tenants or tenant in settings.tenants


def tenant_for(settings: Settings, tenant: str | None) -> str:
    """Return the tenant a request reads; raises :class:`NotAllowed` for one that is not served here."""
    if tenant is None or serves(settings, tenant):
        return settings.tenant if tenant is None else tenant
    raise NotAllowed(
        f"Records of the tenant {tenant} are not served here",
        why="the server's settings do not name it",
        fix="Leave tenant out, correct it, or add it to TENANTS on the server",
        field="tenant",
    )


def _read_tenant(house: House, tenant: TenantName = None) -> str:
    return tenant_for(house.settings, tenant)


Tenant = Annotated[str, Depends(_read_tenant)]
"""The tenant whose records the request reads."""


class Served:
    """The tenants that are served here, be it all there are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __contains__(self, tenant: object) -> bool:
        return isinstance(tenant, str) and serves(self._settings, tenant)
