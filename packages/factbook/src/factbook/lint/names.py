"""What names say: their case, whether SQL reserves them, whether they sound like personal data. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Case = Literal["lower", "upper", "mixed"]

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_RESERVED = """
all and any array as asc between both by case cast check column constraint create cross current_date current_time
current_timestamp current_user default delete desc distinct drop else end except exists false fetch for foreign from full grant
group having in inner insert intersect into is join key lateral leading left like limit natural not null of on or order outer over
partition primary references revoke right row rows select set some table then to trailing trigger true union unique update user
using values when where window with
"""

RESERVED = frozenset(_RESERVED.split())
"""Words that SQL:2016 reserves and that PostgreSQL or MySQL refuse unquoted."""

_SENSITIVE = (
    {"email"}, {"mail"}, {"phone"}, {"mobile"}, {"fax"}, {"ssn"}, {"iban"}, {"dob"}, {"birthday"}, {"birthdate"}, {"password"}, {"passwd"},
    {"passport"}, {"salary"}, {"gender"}, {"religion"}, {"surname"}, {"firstname"}, {"lastname"}, {"secret"}, {"birth", "date"},
    {"first", "name"}, {"last", "name"}, {"credit", "card"}, {"card", "number"}, {"tax", "id"}, {"ip", "address"}, {"account", "number"},
)  # fmt: skip


def case_of(name: str) -> Case | None:
    """Return how a name is written; ``None`` of one without letters that have a case."""
    if name.lower() == name.upper():
        return None
    return "lower" if name == name.lower() else "upper" if name == name.upper() else "mixed"


def common_case(names: Iterable[str]) -> Case | None:
    """Return the case of most names; ``None`` where two are equally common, so that neither is wrong."""
    found = Counter(case for name in names if (case := case_of(name)) is not None).most_common(2)
    return found[0][0] if found and (len(found) == 1 or found[0][1] > found[1][1]) else None


def is_reserved(name: str) -> bool:
    return name.lower() in RESERVED


@lru_cache(maxsize=65536)
def sounds_sensitive(name: str) -> bool:
    """Return whether the words of a column's name suggest personal or secret data. A guess, and said as one."""
    words = {part.lower() for part in _PARTS.findall(name)}
    return any(wanted <= words for wanted in _SENSITIVE)


def meant_table(column: str) -> list[str]:
    """Return what a table may be called that ``customer_id`` or ``CustomerId`` points at, in lower case; empty for any other name."""
    stem = next((column[: -len(end)] for end in ("_id", "_ID", "Id", "ID") if column.endswith(end) and len(column) > len(end)), "")
    stem = stem.rstrip("_").lower()
    if not stem:
        return []
    plural = f"{stem[:-1]}ies" if stem.endswith("y") else f"{stem}es"
    return [stem, f"{stem}s", plural]
