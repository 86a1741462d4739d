"""The pages, one module each."""

from factbook.web.pages import (
    alerts,
    audit,
    connections,
    diff,
    documentation,
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
    documentation,
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
