"""The routes, one module a feature."""

from factbook.api.routes import (
    alerts,
    dictionary,
    diff,
    export,
    gate,
    glossary,
    health,
    jobs,
    kinds,
    lint,
    metrics,
    notes,
    profile,
    quality,
    records,
    retention,
    scan,
    sources,
    tokens,
)

# The busiest first: paths are compared one after the other.
_MODULES = (
    records,
    health,
    metrics,
    scan,
    jobs,
    dictionary,
    diff,
    gate,
    alerts,
    profile,
    quality,
    export,
    lint,
    notes,
    glossary,
    sources,
    kinds,
    retention,
    tokens,
)
ROUTERS = (records.hot, *(module.router for module in _MODULES))
