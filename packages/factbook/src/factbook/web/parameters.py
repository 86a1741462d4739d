"""Parameters of pages: as those of the API, and as people write them."""

from __future__ import annotations

import re
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


PastMoment = Annotated[AwareDatetime, BeforeValidator(completed), AfterValidator(in_utc)]
"""A moment as people write it."""

AsOf = Annotated[PastMoment | None, Query(description="What was so at this moment, inclusive.")]
MomentOrNone = Annotated[PastMoment | None, Query(description="A moment, as people write it.")]
_Name = Annotated[str, StringConstraints(max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]
Words = Annotated[_Name | None, Query(description="Text that names hold; empty for all.")]
ColumnName = Annotated[_Name | None, Query(description="A column of the table.")]
"""What a form sends of a field that was left empty is an empty text, which means the same as none."""
