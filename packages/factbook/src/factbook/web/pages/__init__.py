"""The pages, one module each."""

from factbook.web.pages import alerts, diff, home, jobs, lineage, quality, records, registering, search, source, table, tokens

_MODULES = (home, search, registering, source, diff, alerts, jobs, quality, records, tokens, lineage)
ROUTERS = (*(module.router for module in _MODULES), *table.ROUTERS)
