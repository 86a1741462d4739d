"""Where one can go from every page: groups of places, each with the needs of its page in :mod:`factbook.api.access`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A page that is offered to whoever has its needs: the parts of its path, and the first parts of those of the pages below it."""

    label: str
    parts: tuple[str, ...]
    needs: str | None
    within: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Return whether a page is this one, or lies below it."""
        first = path.removeprefix("/ui").lstrip("/").partition("/")[0]
        return first == "".join(self.parts) or first in self.within


PLACES: dict[str, tuple[Place, ...]] = {
    "Explore": (
        Place("Home", (), None, ("moments",)),
        Place("Sources", ("sources",), "SourceReader", ("source", "table", "coverage", "documentation", "notes", "edit")),
        Place("Changes", ("diff",), "DiffReader"),
        Place("Lineage", ("lineage",), "LineageReader"),
        Place("Products", ("products",), "ProductReader", ("product", "new-product", "domains", "domain")),
        Place("Contracts", ("contracts",), "ContractReader", ("contract", "new-contract")),
        Place("Glossary", ("glossary",), "GlossaryReader", ("term", "new-term", "suggestions")),
    ),
    "Watch": (
        Place("Quality", ("quality",), "QualityReader"),
        Place("Alerts", ("alerts",), "AlertReader", ("alert", "rules", "rule")),
        Place("Jobs", ("jobs",), "JobReader", ("job",)),
    ),
    "The log": (
        Place("Records", ("records",), None, ("record",)),
        Place("Kinds", ("kinds",), None, ("kind",)),
    ),
    "Run it": (
        Place("Connections", ("connections",), "SourceReader", ("connection", "new-source")),
        Place("Tokens", ("tokens",), "TenantAdmin"),
        Place("Audit", ("audit",), "TenantAdmin"),
    ),
}


def offered(may: Callable[[str], bool]) -> dict[str, list[Place]]:
    """Return the places of whoever looks; a group without any is left out."""
    seen = {group: [place for place in members if place.needs is None or may(place.needs)] for group, members in PLACES.items()}
    return {group: members for group, members in seen.items() if members}
