"""What a search found, as a table or JSON."""

from __future__ import annotations

from typing import Any, cast, get_args

from factbook.cli.documents import show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import note, say, utc
from factbook.errors import InvalidRequest
from factbook.finding import FindFilter, Hit, SearchPage
from factbook.finding.model import PARTS, FoundIn

_SHOWN = 3


def filter_of(*, found_in: str | None, **given: Any) -> FindFilter:
    """Return what may be found; raises :class:`InvalidRequest` for a place that is none."""
    if found_in is not None and found_in not in get_args(FoundIn):
        raise InvalidRequest(f"Nothing is found in {found_in!r}", fix=f"Write {', '.join(get_args(FoundIn))}", field="--in")
    return FindFilter(found_in=cast("FoundIn | None", found_in), **given)


def show(page: SearchPage, *, as_json: bool) -> None:
    """Print the page; say on stderr how many there are and how to get the rest."""
    if as_json:
        show_json(page)
        return
    if page.as_of is not None:
        say(f"as of {utc(page.as_of)}", style="bold")
    if not page.items:
        note("Nothing holds all of these words.")
        return
    rows = [(hit.thing, _place(hit), _matches(hit), hit.summary, hit.removed_at) for hit in page.items]
    show_table(("thing", "name", "where", "description", "removed"), rows)
    if page.next_cursor:
        total = f"{page.total:,}" if page.exact else f"more than {page.total:,}"
        note(f"{total} are found: --cursor {page.next_cursor}", style="dim")


def _place(hit: Hit) -> str:
    if hit.thing in PARTS:
        return hit.name if hit.title is None else f"{hit.name} ({hit.title})"
    return f"{hit.source_id}.{hit.schema}.{hit.table}"


def _matches(hit: Hit) -> str:
    columns = [match.text for match in hit.matches if match.field == "column"]
    texts = [f"{match.field} of {match.column}" if match.column else match.field for match in hit.matches if match.field != "column"]
    found = [*(["name"] if hit.found_in == "name" else []), *columns, *dict.fromkeys(texts)]
    more = f", {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
