"""Every page there is, from the routes of the application itself: a page that is new is looked at by all tests that go through them."""

from __future__ import annotations

import re

from tests.browser.shelf import Shelf

from factbook.web.pages import ROUTERS
from factbook.web.rendering import path as path_of

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

_PATHS = {
    route.path  # type: ignore[attr-defined]
    for router in ROUTERS
    for route in router.routes
    if "GET" in (getattr(route, "methods", None) or ())
}
TEMPLATES = sorted(path for path in _PATHS if not path.endswith(".json") and (path == "" or f"{path}.json" in _PATHS))
"""Paths below ``/ui`` with their parameters: all that have a JSON twin, which files to download have not."""

ASKED = {
    "/lineage/impact": "?at=chinook.main.Customer",
    "/quality/{source_id}/rule": "?rule=unique:Email&schema=main&table=Customer",
    "/diff/{source_id}/impact": "?schema=main&of=Customer",
}
"""What a page must be asked to show anything."""

MORE = (
    "/search?search=cust",
    "/search?search=nowhere-to-be-found",
    "/records?kind=schema_snapshot&source_id=chinook",
    "/lineage?at=chinook.main.BestCustomers",
    "/lineage/paths?source=chinook.main.Customer&target=Best+customers",
    "/table/chinook/main/Customer?column=LoyaltyPoints",
    "/table/chinook/main/Customer/history?column=LoyaltyPoints",
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
    return path_of(*parts) + ASKED.get(template, "")


def _filled(shelf: Shelf, place: str, part: str) -> str:
    found = _PARAMETER.fullmatch(part)
    if found is None:
        return part
    value = shelf.value(place, found[1])
    assert value is not None, f"Say in tests/browser/shelf.py what stands for {found[1]!r} in the pages below /ui/{place}"
    return value
