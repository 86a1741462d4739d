"""Parameters of pages: as those of the API, and as people write them."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

from factbook.api.parameters import in_utc
from factbook_sdk.facts.record import MAX_NAME_LENGTH

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WITHOUT_ZONE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?: ?UTC)?")


def completed(written: Any) -> Any:
    """Return a moment with what people leave out: UTC for a zone, and the first moment for a day."""
    text = written.strip() if isinstance(written, str) else written
    if not isinstance(text, str):
        return text
    if _DAY.fullmatch(text):
        return f"{text}T00:00:00Z"
    found = _WITHOUT_ZONE.fullmatch(text)
    return f"{found[1]}T{found[2]}Z" if found else text


def within_reach(moment: datetime) -> datetime:
    """Return a moment that has a year before it and one after it; raises :class:`ValueError` for one at an end of the calendar."""
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError(f"the moment lies outside the years {MINYEAR + 1} to {MAXYEAR - 1}")
    return moment


PastMoment = Annotated[AwareDatetime, BeforeValidator(completed), AfterValidator(in_utc), AfterValidator(within_reach)]
"""A moment as people write it."""

AsOf = Annotated[PastMoment | None, Query(description="What was so at this moment, inclusive.")]
MomentOrNone = Annotated[PastMoment | None, Query(description="A moment, as people write it.")]
_Name = Annotated[str, StringConstraints(max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]
Words = Annotated[_Name | None, Query(description="Text that names hold; empty for all.")]
ColumnName = Annotated[_Name | None, Query(description="A column of the table.")]
"""What a form sends of a field that was left empty is an empty text, which means the same as none."""
