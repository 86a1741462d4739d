"""``dbml``: the dictionary as dbdiagram.io and dbdocs read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from factbook.export import dbml_tables
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import FileExporter, OnProgress, Tally
from factbook.export.dbml_text import quoted, string
from factbook.export.relations import Place, Relations, links_of

_ENGINES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MySQL"}


class DbmlExporter(FileExporter):
    name = "dbml"
    description = "DBML for dbdiagram.io and dbdocs: tables, references, indexes, checks, enums and notes"
    media_type = "text/plain; charset=utf-8"
    suffix = ".dbml"

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        sources, total = catalog.sources(), catalog.table_count()
        for source_id in sources:
            if len(sources) == 1:
                yield _project(catalog, source_id).encode()
            yield from _source(catalog, source_id, f"{source_id}." if len(sources) > 1 else "", tally, total, on_progress)
            tally.add("sources")


def table_text(entry: TableEntry) -> str:
    """Return one table with its enums and references; a reference that names no columns of the other table has no place in DBML."""
    place, tally = (entry.schema, entry.table), Tally()
    own = f"{quoted(entry.schema)}.{quoted(entry.table)}"
    text = "".join(_table(entry, "", {place: own}, set(), tally))
    links = [link for link in links_of(place, entry.snapshot) if len(link.other_columns) == len(link.columns)]
    others = {link.other: f"{quoted(link.other[0])}.{quoted(link.other[1])}" for link in links}
    ends = ((link, dbml_tables.endpoint(own, link.columns), dbml_tables.endpoint(others[link.other], link.other_columns)) for link in links)
    return text + "".join(dbml_tables.reference(*end) for end in ends)


def _project(catalog: Catalog, source_id: str) -> str:
    scan = catalog.scan(source_id)
    kept = "" if scan is None else f"  database_type: {string(_ENGINES.get(scan.engine, scan.engine))}\n"
    return f"Project {quoted(source_id)} {{\n{kept}}}\n\n"


def _source(catalog: Catalog, source_id: str, prefix: str, tally: Tally, total: int, on_progress: OnProgress) -> Iterator[bytes]:
    """Yield the tables of a source, enums before the first table that uses them, then its references."""
    relations = Relations(catalog.tables(source_id))
    names: dict[Place, str] = {}
    declared: set[str] = set()
    for entry in catalog.tables(source_id):
        if not entry.snapshot.columns:
            tally.lose("A table without columns has no place in DBML")
            continue
        names[entry.schema, entry.table] = f"{quoted(prefix + entry.schema)}.{quoted(entry.table)}"
        yield "".join(_table(entry, prefix, names, declared, tally)).encode()
        tally.add("tables")
        tally.add("columns", len(entry.snapshot.columns))
        on_progress(tally.counts["tables"], total, entry.qualified_name)
    seen: set[frozenset[str]] = set()
    for place in names:
        yield "".join(_references(place, names, relations, seen, tally)).encode()


def _table(entry: TableEntry, prefix: str, names: dict[Place, str], declared: set[str], tally: Tally) -> Iterator[str]:
    used: dict[str, str] = {}
    for column, name, values in dbml_tables.enums(entry, prefix + entry.schema):
        used[column] = name
        if name not in declared:
            declared.add(name)
            yield dbml_tables.enum(name, values)
            tally.add("enums")
    yield from dbml_tables.table(entry, names[entry.schema, entry.table], used, tally)


def _references(place: Place, names: dict[Place, str], relations: Relations, seen: set[frozenset[str]], tally: Tally) -> Iterator[str]:
    """Yield a table's references; DBML refuses a second one between the same columns, whichever way it goes."""
    for link in relations.outgoing(place):
        ends = dbml_tables.ends(link, names, relations)
        if ends is None or frozenset(ends) in seen:
            tally.lose("References to what is not in the export, or said twice, have no place in DBML")
            continue
        seen.add(frozenset(ends))
        tally.add("references")
        yield dbml_tables.reference(link, *ends)
