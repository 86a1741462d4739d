"""What forms have in common: what was wrong with one, said beside the field it is about, and texts as they were written."""

from __future__ import annotations

import msgspec

from factbook.api.problems import problem_of
from factbook.errors import FactbookError


class Wrong(msgspec.Struct, frozen=True):
    """Why a form was not taken. ``field`` is a path whose first step is the name of a field; ``status`` is what the page answers with."""

    text: str
    fix: str | None
    field: str | None
    status: int

    def is_about(self, *names: str) -> bool:
        """Return whether one of these fields is wrong."""
        return self.field is not None and self.field.replace("[", ".").partition(".")[0] in names


def wrong_of(error: FactbookError, *, field: str | None = None) -> Wrong:
    """Return what is told of an error, without secrets; ``field`` is the one that it is about, where the error names none of the form."""
    told = problem_of(error, path="", request_id="")
    return Wrong(told.detail, told.fix, field or told.field, 422 if told.status == 400 else 409 if told.status == 412 else told.status)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that hold anything, without the blanks around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def as_written(text: str) -> str:
    """Return a text with the ends of lines that the person wrote: browsers send two signs for each."""
    return text.replace("\r\n", "\n")
