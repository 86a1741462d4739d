"""The moment that pages show: what was asked for, how the header shows it, and what can be chosen instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec
from pydantic import TypeAdapter, ValidationError

from factbook.access import Action
from factbook.api.access import asking
from factbook.web.parameters import PastMoment
from factbook_sdk.facts import MetadataTarget

if TYPE_CHECKING:
    from starlette.requests import Request

    from factbook.app import Factbook

_MOMENT: TypeAdapter[datetime] = TypeAdapter(PastMoment)
_MAX_SHOWN = 200

State = Literal["now", "past", "early", "ahead", "unshown", "unread"]
"""``early`` lies before all that is known, ``ahead`` after now; an ``unshown`` one was asked of a page without a past, an ``unread`` one
is no moment."""


class Choice(msgspec.Struct, frozen=True):
    """A moment to choose at once. A script knows better than the server when a ``day`` of the reader begins."""

    label: str
    at: datetime
    is_day: bool = False


class When(msgspec.Struct, frozen=True):
    """What the header says of time. ``at`` is the moment that links stay at, ``text`` what the field holds, ``kept`` the parameters that
    stay when another moment is chosen; ``first`` is when something became known, where the moment lies before it."""

    state: State
    at: datetime | None
    text: str
    kept: list[tuple[str, str]]
    back: str
    choices: list[Choice]
    source_id: str | None = None
    first: datetime | None = None


def read_moment(text: str) -> datetime | None:
    """Return the moment that somebody wrote; ``None`` for what is none."""
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        return None


def without_unread(query: bytes) -> tuple[bytes, str | None]:
    """Return a query without a moment that nobody can read, and what was written in its place: a page is not lost for it."""
    params = parse_qsl(query.decode("latin-1"))
    text = next((value for name, value in reversed(params) if name == "as_of"), None)
    if text is None or read_moment(text) is not None:
        return query, None
    return urlencode([(name, value) for name, value in params if name != "as_of"]).encode(), text


def when_of(request: Request, tenant: str, shown: datetime | None, now: datetime, source_id: str | None) -> When:
    """Return what the header of a page says that shows a moment, or with ``None`` shows now."""
    unread = getattr(request.state, "unread_moment", None)
    at = shown if shown is not None else read_moment(request.query_params.get("as_of", ""))
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("as_of", "cursor", "done")]
    path = request.url.path
    first = None
    state: State = "now"
    if unread is not None:
        state = "unread"
    elif at is not None and shown is None:
        state = "unshown"
    elif at is not None and at > now:
        state = "ahead"
    elif at is not None:
        known = _first_known(request, tenant, source_id)
        first = known if known is not None and at < known else None
        state = "past" if first is None else "early"
    return When(
        state=state,
        at=at,
        text=unread[:_MAX_SHOWN] if unread is not None else written(at),
        kept=kept,
        back=path + (f"?{urlencode(kept)}" if kept else ""),
        choices=_choices(now),
        source_id=source_id,
        first=first,
    )


def written(at: datetime | None) -> str:
    """Return a moment as people write it, to the microsecond where it has any; empty for now."""
    return "" if at is None else f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"


def _choices(now: datetime) -> list[Choice]:
    second = now.replace(microsecond=0)
    return [
        Choice("an hour ago", second - timedelta(hours=1)),
        Choice("start of today", second.replace(hour=0, minute=0, second=0), is_day=True),
        Choice("a day ago", second - timedelta(days=1)),
        Choice("a week ago", second - timedelta(weeks=1)),
        Choice("30 days ago", second - timedelta(days=30)),
    ]


def _first_known(request: Request, tenant: str, source_id: str | None) -> datetime | None:
    """Return when a source, or anything, was scanned first, as far as whoever asks may know."""
    if not asking(request).principal.may_all(Action.READ, tenant, ("catalog_scan",)):
        return None
    house: Factbook = request.app.state.factbook
    targets = None if source_id is None else [MetadataTarget(source_id)]
    found = house.repository.query("catalog_scan", targets=targets, tenant=tenant, limit=1).records
    return found[0].record.produced_at if found else None
