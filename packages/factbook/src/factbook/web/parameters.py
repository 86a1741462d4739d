"""Parameters of pages: as those of the API, and as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from factbook.api.parameters import in_utc

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
