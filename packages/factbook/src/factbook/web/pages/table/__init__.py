"""``/ui/table/SOURCE/SCHEMA/TABLE`` and the pages below it, one module each; :mod:`.head` is what they share."""

from factbook.web.pages.table import columns, definition, facts, history, relations
from factbook.web.pages.table import profile as profile
from factbook.web.pages.table import quality as quality
from factbook.web.pages.table import used_by as used_by

ROUTERS = (columns.router, relations.router, history.router, definition.router, facts.router)
