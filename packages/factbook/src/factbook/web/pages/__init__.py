"""The pages, one module each."""

from factbook.web.pages import home, search, source, table

ROUTERS = (home.router, search.router, source.router, table.router)
