"""The routes, one module a feature."""

from factbook.api.routes import (
    alerts,
    dbt,
    dictionary,
    diff,
    export,
    gate,
    health,
    jobs,
    kinds,
    lint,
    metrics,
    names,
    openlineage,
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
    openlineage,
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
    names,
    dbt,
    sources,
    kinds,
    retention,
    tokens,
)
ROUTERS = (records.hot, *(module.router for module in _MODULES))
