"""How lineage is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from factbook.errors import InvalidRequest
from factbook.lineage.tables import ORIGINS, TYPES


def check_one_of(value: str, known: Sequence[str], field: str) -> int:
    """Return the place of a value in a list; raises :class:`InvalidRequest` where it is not in it."""
    if value not in known:
        raise InvalidRequest(f"There is no {field} {value!r}", fix=f"Choose {', '.join(known)}", field=field)
    return list(known).index(value)


class View:
    """How to look: at a moment (now, unless one is given), at what is shown by its age or all there is, at some types and origins only.

    Raises :class:`InvalidRequest` for a type or an origin that there is not.
    """

    def __init__(
        self,
        *,
        as_of: datetime | None = None,
        include_gone: bool = False,
        types: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> None:
        self.as_of = as_of
        self.include_gone = include_gone
        self.types = tuple(check_one_of(value, TYPES, "lineage_type") for value in types)
        self.origins = tuple(check_one_of(value, ORIGINS, "origin") for value in origins)


NOW = View()
"""What holds now and is shown."""
