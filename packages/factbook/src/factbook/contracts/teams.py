"""Who answers for a contract or a product, in the ``team`` that both standards share: an object with members, or, of old, a list. Pure.

The owner is the first member with the role of an owner who has not left; without one it is the team.
"""

from __future__ import annotations

import copy
from typing import Any


def owner_of(team: Any) -> str | None:
    """Return the name of the owner; ``None`` where nobody is named."""
    member = _owner(team)
    if member is not None:
        return _named(member)
    name = team.get("name") if isinstance(team, dict) else None
    return name if isinstance(name, str) and name else None


def with_owner(team: Any, owner: str | None) -> Any:
    """Return the team with another owner, everything else as it was; ``None`` where nothing is left of it."""
    changed = copy.deepcopy(team)
    member = _owner(changed)
    if member is not None:
        if owner is None:
            member.pop("role")
        else:
            member["name" if member.get("name") else "username"] = owner
        return changed
    if isinstance(changed, list):
        return changed if owner is None else [*changed, {"username": owner, "role": "owner"}]
    changed = changed if isinstance(changed, dict) else {}
    if owner is None:
        changed.pop("name", None)
    else:
        changed["name"] = owner
    return changed or None


def members_of(team: Any) -> list[dict[str, Any]]:
    """Return the members of whom no date of leaving is said."""
    listed = team.get("members") if isinstance(team, dict) else team
    # Whoever has a date of leaving is on the way out: what a document says may not depend on the day it is read.
    return [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict) and _named(one) and not one.get("dateOut")]


def role_of(member: dict[str, Any]) -> str:
    """Return a member's role in small letters."""
    return str(member.get("role") or "").strip().lower()


def _owner(team: Any) -> dict[str, Any] | None:
    roles = ("owner", "data owner", "product owner", "data product owner")
    return next((member for member in members_of(team) if role_of(member) in roles), None)


def _named(member: dict[str, Any]) -> str | None:
    return next((member[key] for key in ("name", "username") if isinstance(member.get(key), str) and member[key]), None)
