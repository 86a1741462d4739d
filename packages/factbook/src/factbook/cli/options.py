"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

MAX_LIMIT = 10_000
"""As the repository contract has it; repeated here because that module costs start-up time. A test compares the two."""


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 moment with its time zone; a date alone is its first moment in UTC."""
    try:
        moment = datetime.fromisoformat(f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no moment; write for example 2026-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone; write for example 2026-01-31T12:00:00Z")
    return moment


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON document per line, and nothing else, on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no hints.")]
Cursor = Annotated[str | None, typer.Option("--cursor", metavar="CURSOR", help="Continue where the page before ended.")]
AskPassword = Annotated[
    bool, typer.Option("--ask-password", help="Ask for the password, hidden; without a terminal it is the first line of stdin.")
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", parser=parse_moment, metavar="MOMENT", help="As it was at this moment, e.g. 2026-01-31T12:00:00Z."),
]
Since = Annotated[datetime | None, typer.Option("--since", parser=parse_moment, metavar="MOMENT", help="From this moment on.")]
Until = Annotated[datetime | None, typer.Option("--until", parser=parse_moment, metavar="MOMENT", help="Before this moment.")]
