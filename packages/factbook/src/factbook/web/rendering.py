"""How a page becomes HTML, or its twin JSON. Every page goes through :func:`page`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api.access import ALERTS, JOBS, STRUCTURE, asking
from factbook.api.problems import Problem
from factbook.health import installed_version

HERE = Path(__file__).parent
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request",
}
"""Nothing is loaded from elsewhere, no script stands in a page, and nobody on the way keeps a page, or a part of one in its place."""


class Crumb(msgspec.Struct, frozen=True):
    """A step of the way to a page."""

    label: str
    href: str


class Page(msgspec.Struct, frozen=True):
    """What all pages have: a title that says where one is, the way there, and the moment that is shown (``None`` is now)."""

    title: str
    crumbs: list[Crumb] = []
    as_of: datetime | None = None


def wants_json(request: Request) -> bool:
    """Return whether the JSON twin of a page is meant."""
    return request.url.path.endswith(".json")


def is_part(request: Request) -> bool:
    """Return whether a script of ours asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


def page(request: Request, template: str, about: Page, content: Any, *, part: str | None = None, status: int = 200) -> Response:
    """Answer with a page; ``content`` is a struct, which is all that its JSON twin holds and all that its template sees.
    ``part`` is the template of what a script gets that asks for the page."""
    if wants_json(request):
        return Response(msgspec.json.encode(content), status, {"Cache-Control": "no-store"}, "application/json")
    known = {
        "about": about,
        "content": content,
        "link": Links(about.as_of),
        "may": may_of(request),
        "query": dict(request.query_params),
        "request_path": request.url.path,
        "twin": _twin(request),
    }
    chosen = part if part is not None and is_part(request) else template
    return Response(environment().get_template(chosen).render(known), status, SECURITY_HEADERS, "text/html; charset=utf-8")


def problem_page(request: Request, problem: Problem) -> Response:
    """Answer with a page that says what went wrong, why, and what to do."""
    return page(request, "error.html", Page(problem.title), problem, part="error_part.html", status=problem.status)


class May(msgspec.Struct, frozen=True):
    """What whoever looks may see and do, so that nothing else is offered."""

    see_structure: bool
    see_alerts: bool
    see_jobs: bool
    work: bool
    acknowledge: bool
    register: bool
    make_tokens: bool
    has_session: bool


def may_of(request: Request) -> May:
    """Return what is offered to whoever asks."""
    asked = asking(request)
    principal = asked.principal
    own = request.app.state.factbook.settings.tenant
    tenant = asked.tenant or principal.only_tenant or own
    administers = principal.may_all(Action.ADMIN, tenant)
    return May(
        see_structure=principal.may_all(Action.READ, tenant, STRUCTURE),
        see_alerts=principal.may_all(Action.READ, tenant, ALERTS),
        see_jobs=principal.may_all(Action.READ, tenant, JOBS),
        work=principal.may_all(Action.WRITE, tenant),
        acknowledge=principal.may_all(Action.WRITE, tenant, ("alert",)),
        register=administers and (principal.runs_the_server or tenant != own),
        make_tokens=administers,
        has_session="factbook_session" in request.cookies,
    )


def _twin(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    own = request.url.path.rstrip("/")
    return f"{own}.json{query}" if own != "/ui" else f"/ui/home.json{query}"


def path(*parts: str) -> str:
    """Return the path of a page below ``/ui``; :data:`~factbook.web.routing.Part` undoes what is done to its parts.

    Slashes are escaped as JSON pointers do it (RFC 6901), since servers undo percent signs before they look for slashes; so is the point of
    a name that ends as twins do.
    """
    return "/ui" + "".join(f"/{quote(_escaped(part), safe='~')}" for part in parts)


def _escaped(part: str) -> str:
    escaped = part.replace("~", "~0").replace("/", "~1")
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
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"moment": moment, "number": number, "bytes": size, "share": share, "pretty": pretty, "written": written}
    made.globals["version"] = installed_version()
    return made


def moment(value: datetime | None) -> Markup:
    """Return a moment as an element that a script shows in the reader's own time; exact in UTC without one, and on hover."""
    if value is None:
        return Markup("")
    exact = value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value.isoformat(), exact, value.strftime("%Y-%m-%d %H:%M"))


def written(value: datetime | None) -> str:
    """Return a moment as people write it, to the microsecond where it has any; empty for now."""
    if value is None:
        return ""
    return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"


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


def pretty(value: Any) -> str:
    """Return a value as JSON that is read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
