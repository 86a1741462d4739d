"""``/ui/table/SOURCE/SCHEMA/TABLE`` and the pages below it, one module each; :mod:`.head` is what they share."""

from factbook.web.pages.table import columns, definition, facts, history, lineage, relations

ROUTERS = (columns.router, relations.router, lineage.router, history.router, definition.router, facts.router)
