"""The pages, one module each."""

from factbook.web.pages import (
    alerts,
    diff,
    glossary,
    home,
    jobs,
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
