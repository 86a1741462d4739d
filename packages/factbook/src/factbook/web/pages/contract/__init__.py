"""The pages of one contract."""

from factbook.web.pages.contract import changing, editing, history, overview

ROUTERS = tuple(module.router for module in (overview, history, editing, changing))
