"""The pages, one module each."""

from factbook.web.pages import (
    alerts,
    audit,
    connections,
    diff,
    home,
    jobs,
    quality,
    records,
    registering,
    rules,
    search,
    source,
    sources,
    table,
    tokens,
)

_MODULES = (
    home,
    search,
    sources,
    connections,
    registering,
    source,
    diff,
    alerts,
    rules,
    jobs,
    quality,
    records,
    tokens,
    audit,
)
ROUTERS = (*(module.router for module in _MODULES), *table.ROUTERS)
