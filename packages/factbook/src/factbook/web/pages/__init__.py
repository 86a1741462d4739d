"""The pages, one module each."""

from factbook.web.pages import alerts, diff, home, jobs, kinds, moments, quality, records, registering, search, source, table, tokens

_MODULES = (home, search, registering, source, moments, diff, alerts, jobs, quality, records, kinds, tokens)
ROUTERS = (*(module.router for module in _MODULES), *table.ROUTERS)
