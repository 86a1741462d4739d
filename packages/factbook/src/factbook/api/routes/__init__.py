"""The routes, one module a feature."""

from factbook.api.routes import dictionary, health, jobs, kinds, metrics, records, scan, sources, tokens

# The busiest first: paths are compared one after the other.
ROUTERS = (records.hot, *(module.router for module in (records, health, metrics, scan, jobs, dictionary, sources, kinds, tokens)))
