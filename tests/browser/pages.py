"""Every page there is, from the routes of the application itself: a page that is new is looked at by all tests that go through them."""

from __future__ import annotations

import re

from tests.browser.shelf import Shelf

from factbook.web.pages import ROUTERS
from factbook.web.rendering import path as path_of

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

TEMPLATES = sorted(
    {
        route.path
        for router in ROUTERS
        for route in router.routes
        if "GET" in (getattr(route, "methods", None) or ()) and not route.path.endswith(".json")  # type: ignore[attr-defined]
    }
)
"""Paths below ``/ui`` with their parameters."""

MORE = (
    "/search?search=cust",
    "/search?search=nowhere-to-be-found",
    "/records?kind=schema_snapshot&source_id=chinook",
    "/table/chinook/main/BestCustomers",
    "/table/chinook/main/BestCustomers/definition",
    "/?as_of={between}",
    "/source/chinook?as_of={between}",
    "/table/chinook/main/Customer?as_of={between}",
)
"""Pages with something more to show than the bare address gives."""


def address(shelf: Shelf, template: str) -> str:
    """Return the address of a page over the store; fails for a parameter that nobody gave a value yet."""
    if template in MORE:
        return "/ui" + template.replace("{between}", shelf.between.strftime("%Y-%m-%dT%H:%M:%S.%fZ")).replace("/?", "?", 1)
    place = template.strip("/").partition("/")[0]
    parts = [_filled(shelf, place, part) for part in template.strip("/").split("/") if part]
    return path_of(*parts)


def _filled(shelf: Shelf, place: str, part: str) -> str:
    found = _PARAMETER.fullmatch(part)
    if found is None:
        return part
    value = shelf.value(place, found[1])
    assert value is not None, f"Say in tests/browser/shelf.py what stands for {found[1]!r} in the pages below /ui/{place}"
    return value
