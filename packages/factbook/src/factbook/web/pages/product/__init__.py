"""The pages of one data product."""

from factbook.web.pages.product import changing, editing, history, overview, rows

ROUTERS = tuple(module.router for module in (overview, rows, history, editing, changing))
