"""The routes, one module a feature."""

from factbook.api.routes import (
    alerts,
    analytics,
    contracts,
    dbt,
    dictionary,
    diff,
    export,
    gate,
    health,
    jobs,
    kinds,
    lineage,
    lineage_sql,
    lint,
    metrics,
    names,
    openlineage,
    products,
    profile,
    quality,
    records,
    retention,
    scan,
    serving,
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
    products,
    analytics,
    export,
    contracts,
    lineage,
    lint,
    lineage_sql,
    names,
    dbt,
    sources,
    kinds,
    retention,
    tokens,
)
ROUTERS = (records.hot, *(module.router for module in _MODULES))

# Any path of two parts: behind everything else, what is mounted included, so that it shadows nothing.
LAST = serving.router
