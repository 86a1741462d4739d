"""Whether ``information_schema`` shows this user everything. It hides what the user may not touch, and hidden must not look removed."""

from __future__ import annotations

import re
from typing import Any

# Privileges on a whole server or database that make each of its tables visible.
_TELLING = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "ALL PRIVILEGES", "SHOW VIEW")
_GRANT = re.compile(r"^GRANT (?P<what>.+?) ON (?P<level>\*\.\*|(?:`(?:[^`]|``)+`|\w+)\.\*) TO ", re.I)


def visible_completely(connection: Any) -> tuple[bool, set[str]]:
    """Return whether the whole server is visible, and the databases that are visible in full (granted roles included, if active)."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS")
        grants = [str(row[0]) for row in cursor]
    everything = False
    databases: set[str] = set()
    for grant in grants:
        match = _GRANT.match(grant)
        if match is None or not _is_telling(match["what"]):
            continue
        if match["level"] == "*.*":
            everything = True
        else:
            name = match["level"].removesuffix(".*").strip("`").replace("``", "`")
            # In a grant, _ and % are wildcards unless escaped; only a plain name is certain.
            if not re.search(r"(?<!\\)[%_]", name):
                databases.add(name.replace("\\_", "_").replace("\\%", "%"))
            else:
                databases.update(_granted_by_pattern(connection, name))
    return everything, databases


def _is_telling(what: str) -> bool:
    named = {re.sub(r"\s*\(.*?\)", "(columns)", part).strip().upper() for part in re.split(r",(?![^(]*\))", what)}
    return any(privilege in named for privilege in _TELLING)


def _granted_by_pattern(connection: Any, pattern: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s", (pattern,))
        return {str(row[0]) for row in cursor}
