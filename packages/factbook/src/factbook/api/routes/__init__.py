"""The routes, one module a feature."""

from factbook.api.routes import dictionary, health, jobs, kinds, records, scan, sources

ROUTERS = tuple(module.router for module in (health, scan, jobs, dictionary, sources, records, kinds))
