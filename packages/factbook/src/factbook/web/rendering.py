"""How a page becomes HTML, or its twin JSON. Every page goes through :func:`page`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote, urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import access
from factbook.api.access import asking, would_admit
from factbook.api.problems import Problem
from factbook.diff.words import value_words
from factbook.health import installed_version
from factbook.web.assets import asset
from factbook.web.highlighting import sql_pieces
from factbook.web.moments import read_moment, when_of, written
from factbook.web.places import offered

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request, HX-Request-Type",
}
"""Nothing is loaded from elsewhere, no script stands in a page, and nobody on the way keeps a page, or a part of one in its place."""


Done = Literal["saved", "removed", "registered", "started", "accepted", "rejected", "checked", "ended", "revoked", "acknowledged"]
"""What an action did, as the page says it to which the action leads."""


class Crumb(msgspec.Struct, frozen=True):
    """A step of the way to a page."""

    label: str
    href: str


SOURCES = Crumb("Sources", "/ui/sources")
"""The first step of the way to everything of a source."""


class Page(msgspec.Struct, frozen=True):
    """What all pages have: a title that says where one is, the way there, and the moment that is shown (``None`` is now, ``made_at``)."""

    title: str
    crumbs: list[Crumb] = []
    as_of: datetime | None = None
    made_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))


def wants_json(request: Request) -> bool:
    """Return whether the JSON twin of a page is meant."""
    return request.url.path.endswith(".json")


def is_part(request: Request) -> bool:
    """Return whether a script of ours asks for a part of a page; it also asks for whole ones, of which it takes what it needs."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-request-type") != "full"


def page(request: Request, template: str, about: Page, content: Any, *, part: str | None = None, status: int = 200) -> Response:
    """Answer with a page; ``content`` is a struct, which is all that its JSON twin holds and all that its template sees.
    ``part`` is the template of what a script gets that asks for the page."""
    if wants_json(request):
        return Response(msgspec.json.encode(content), status, {"Cache-Control": "no-store"}, "application/json")
    may = May(request)
    source = request.path_params.get("source_id")
    when = when_of(request, may.tenant, about.as_of, about.made_at, None if source is None else unescaped(source))
    known = {
        "about": about,
        "content": content,
        "link": Links(when.at),
        "when": when,
        "may": may,
        "places": offered(may),
        "query": QueryParams([(name, value) for name, value in request.query_params.multi_items() if name != "done"]),
        "done": done if (done := request.query_params.get("done")) in get_args(Done) else None,
        "request_path": request.url.path,
        "twin": _twin(request),
    }
    chosen = part if part is not None and is_part(request) else template
    return Response(environment().get_template(chosen).render(known), status, SECURITY_HEADERS, "text/html; charset=utf-8")


def problem_page(request: Request, problem: Problem) -> Response:
    """Answer with a page that says what went wrong, why, and what to do."""
    about = Page(problem.title, as_of=read_moment(request.query_params.get("as_of", "")))
    return page(request, "error.html", about, problem, part="error_part.html", status=problem.status)


class May:
    """What whoever looks may see and do, so that nothing else is offered: ``may("NoteKeeper")`` asks for the needs of that name in
    :mod:`factbook.api.access`, which are those that the route itself declares."""

    def __init__(self, request: Request) -> None:
        self._request = request
        asked = asking(request)
        self._principal = asked.principal
        self._own: str = request.app.state.factbook.settings.tenant
        self.tenant: str = asked.tenant or asked.principal.only_tenant or self._own
        self.has_session = "factbook_session" in request.cookies

    def __call__(self, needs: str) -> bool:
        return would_admit(self._request, self.tenant, getattr(access, needs))

    @property
    def server(self) -> bool:
        """Whether the server's own tenant is shown to somebody who runs the server, and so its files may be used."""
        return self._principal.runs_the_server and self.tenant == self._own

    @property
    def register(self) -> bool:
        """Whether the addresses of sources may be told and changed (:func:`~factbook.api.access.check_connecting`)."""
        return self("TenantAdmin") and (self._principal.runs_the_server or self.tenant != self._own)


def _twin(request: Request) -> str:
    asked = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "done"])
    query = f"?{asked}" if asked else ""
    own = request.url.path.rstrip("/")
    return f"{own}.json{query}" if own != "/ui" else f"/ui/home.json{query}"


def path(*parts: str) -> str:
    """Return the path of a page below ``/ui``; :data:`~factbook.web.routing.Part` undoes what is done to its parts.

    Slashes are escaped as JSON pointers do it (RFC 6901), since servers undo percent signs before they look for slashes; so is the point of
    a name that ends as twins do, and of one that browsers take for a step up.
    """
    return "/ui" + "".join(f"/{quote(_escaped(part), safe='~')}" for part in parts)


def unescaped(part: str) -> str:
    """Return a part of a page's path as it was before :func:`path` escaped it."""
    return part.replace("~2", ".").replace("~1", "/").replace("~0", "~")


def _escaped(part: str) -> str:
    escaped = part.replace("~", "~0").replace("/", "~1")
    if escaped in (".", ".."):
        return escaped.replace(".", "~2")
    return f"{escaped.removesuffix('.json')}~2json" if escaped.endswith(".json") else escaped


class Links:
    """Writes links that stay at the moment a page shows."""

    def __init__(self, as_of: datetime | None) -> None:
        self._as_of = as_of

    def __call__(self, *parts: str, **params: Any) -> str:
        """Return the address of a page below ``/ui`` from parts of its path, each quoted, and parameters; ``None`` is left out."""
        moment = {} if self._as_of is None else {"as_of": self._as_of.isoformat()}
        chosen = {name: value for name, value in {**moment, **params}.items() if value is not None}
        return path(*parts) + (f"?{urlencode(chosen, doseq=True)}" if chosen else "")


@cache
def environment() -> Environment:
    """Return what renders templates: everything is escaped, and a name that a template misspells is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "moment": moment,
        "number": number,
        "bytes": size,
        "share": share,
        "pretty": pretty,
        "duration": duration,
        "written": written,
        "json": for_script,
        "sql": sql_pieces,
        "words": value_words,
    }
    made.globals |= {"version": installed_version(), "asset": asset}
    return made


def moment(value: datetime | None) -> Markup:
    """Return a moment as an element that a script shows in the reader's own time; exact in UTC without one, and on hover."""
    if value is None:
        return Markup("")
    exact = value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value.isoformat(), exact, value.strftime("%Y-%m-%d %H:%M"))


def number(value: float | None) -> Markup:
    """Return a number as an element that a script shows the reader's way."""
    if value is None:
        return Markup("")
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return Markup('<data class="number" value="{}">{}</data>').format(value, shown)


def size(value: int | None) -> Markup:
    """Return bytes in the largest unit that leaves at least one; exact on hover."""
    if value is None:
        return Markup("")
    amount, unit = float(value), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return Markup('<data value="{}" title="{}">{}</data>').format(value, f"{value:,} bytes", f"{amount:.3g} {unit}")


def share(value: float | None) -> Markup:
    """Return a share as percent: none and all only where it is exactly that."""
    if value is None:
        return Markup("")
    percent = value * 100
    if 0 < percent < 0.1:
        text = "< 0.1 %"
    elif 99.9 < percent < 100:
        text = "> 99.9 %"
    else:
        text = f"{percent:.3g} %"
    return Markup('<data value="{}" title="{}">{}</data>').format(value, f"{value!r}", text)


def duration(seconds: float | None) -> Markup:
    """Return a length of time in its two largest units; exact on hover."""
    if seconds is None:
        return Markup("")
    whole = round(seconds)
    if seconds < 1:
        text = f"{seconds * 1000:.0f} ms"
    elif seconds < 10:
        text = f"{seconds:.1f} s"
    elif whole < 60:
        text = f"{whole} s"
    elif whole < 3600:
        text = f"{whole // 60} min {whole % 60} s"
    elif whole < 86400:
        text = f"{whole // 3600} h {whole % 3600 // 60} min"
    else:
        text = f"{whole // 86400:,} d {whole % 86400 // 3600} h"
    return Markup('<data value="{}" title="{}">{}</data>').format(seconds, f"{seconds:,.3f} seconds", text)


def pretty(value: Any) -> str:
    """Return a value as JSON that is read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def for_script(value: Any) -> Markup:
    """Return a value as JSON that stands inside a script element of a data type: nothing in it can end the element."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))  # noqa: S704
