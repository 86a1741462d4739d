"""``/ui/table/SOURCE/SCHEMA/TABLE`` and the pages below it, one module each; :mod:`.head` is what they share."""

from factbook.web.pages.table import columns, definition, facts, history, lineage, profile, quality, relations, used_by

ROUTERS = (
    columns.router,
    profile.router,
    relations.router,
    lineage.router,
    history.router,
    quality.router,
    definition.router,
    used_by.router,
    facts.router,
)
