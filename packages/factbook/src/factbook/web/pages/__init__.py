"""The pages, one module each."""

from factbook.web.pages import alerts, diff, home, jobs, quality, records, search, source, table

ROUTERS = tuple(module.router for module in (home, search, source, table, diff, alerts, jobs, quality, records))
