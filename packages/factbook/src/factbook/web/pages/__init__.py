"""The pages, one module each."""

from factbook.web.pages import (
    alerts,
    diff,
    glossary,
    home,
    jobs,
    lineage,
    notes,
    quality,
    records,
    registering,
    search,
    source,
    suggestions,
    table,
    term,
    term_editing,
    tokens,
)

_MODULES = (
    home,
    search,
    registering,
    source,
    diff,
    alerts,
    jobs,
    lineage,
    quality,
    records,
    tokens,
    notes,
    glossary,
    term,
    term_editing,
    suggestions,
)
ROUTERS = (*(module.router for module in _MODULES), *table.ROUTERS)
