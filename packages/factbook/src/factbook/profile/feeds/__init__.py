"""Which feed brings the rows of which engine."""

from __future__ import annotations

from importlib import import_module

from factbook.profile.feeding import Feed

_FEEDS = {
    "postgresql": "postgres:PostgresFeed",
    "duckdb": "duckdb:DuckDBFeed",
    "mysql": "mysql:MySQLFeed",
    "sqlite": "sqlite:SQLiteFeed",
}
_GENERIC = "generic:GenericFeed"


def feed_for(engine: str) -> Feed:
    """Return the feed of an engine by the name its session has; others are asked in standard SQL."""
    module, _, name = _FEEDS.get(engine, _GENERIC).partition(":")
    feed: Feed = getattr(import_module(f"{__name__}.{module}"), name)()
    return feed
