"""The pages, one module each."""

from factbook.web.pages import alerts, diff, home, jobs, quality, records, registering, search, source, table, tokens

_MODULES = (home, search, registering, source, table, diff, alerts, jobs, quality, records, tokens)
ROUTERS = tuple(module.router for module in _MODULES)
