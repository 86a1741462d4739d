"""``markdown``: a folder that reads well on GitHub: an index per source and schema, and a page per table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from factbook.export import markdown_pages as pages
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.changes import changes_by_table
from factbook.export.contract import Destination, Exporter, ExportReport, OnProgress, Option, Tally
from factbook.export.filenames import file_names
from factbook.export.markdown_pages import Listed, listed, source_head, tables_list
from factbook.export.markdown_text import code, link, text
from factbook.export.relations import Place, Relations

MAX_LISTED = 500
"""Tables named on a source's own index; above, its schemas' indexes name them. GitHub shows no file above half a megabyte."""

INDEX = "README"


class MarkdownExporter(Exporter):
    name = "markdown"
    description = "A folder of Markdown pages with Mermaid diagrams, for GitHub and its like"
    writes = "folder"
    options = (Option("single", "One file instead of one a table", "false", ("false", "true")),)

    def export(self, catalog: Catalog, destination: Destination, options: Mapping[str, str], on_progress: OnProgress) -> ExportReport:
        tally = Tally()
        with destination.folder() as folder:
            if options["single"] == "true":
                _write(folder / f"{INDEX}.md", _single(catalog, tally, on_progress))
            else:
                _write_folder(folder, catalog, tally, on_progress)
        return tally.report(self, destination)


def _write_folder(folder: Path, catalog: Catalog, tally: Tally, on_progress: OnProgress) -> None:
    sources, total = file_names(catalog.sources(), taken=[INDEX]), catalog.table_count()
    lines = [f"- {link(text(source_id), f'{name}/{INDEX}.md')}\n" for source_id, name in sources.items()]
    _write(folder / f"{INDEX}.md", ["# Data dictionary\n\n", *lines])
    for source_id, name in sources.items():
        _Source(catalog, source_id, folder / name).write(tally, total, on_progress)
        tally.add("sources")


class _Source:
    """The pages of one source."""

    def __init__(self, catalog: Catalog, source_id: str, folder: Path) -> None:
        self.catalog, self.source_id, self.folder = catalog, source_id, folder
        self.tables: dict[Place, Listed] = {}
        self.relations = Relations(self._listed())
        schemas = sorted({schema for schema, _ in self.tables})
        self.folders = file_names(schemas, taken=[INDEX])
        self.files: dict[Place, str] = {}
        for schema in schemas:
            found = file_names((table for place, table in self.tables if place == schema), taken=[INDEX])
            self.files |= {(schema, table): name for table, name in found.items()}

    def _listed(self) -> Iterator[TableEntry]:
        for entry in self.catalog.tables(self.source_id):
            self.tables[entry.schema, entry.table] = listed(entry)
            yield entry

    def write(self, tally: Tally, total: int, on_progress: OnProgress) -> None:
        changes = changes_by_table(self.catalog.diffs(self.source_id))
        _write(self.folder / f"{INDEX}.md", self._index())
        for schema, name in self.folders.items():
            up = f"{link(text(self.source_id), f'../{INDEX}.md')}\n\n"
            of_schema = [item for item in self.tables.values() if item.place[0] == schema]
            _write(self.folder / name / f"{INDEX}.md", [f"# {text(schema)}\n\n", up, tables_list(of_schema, self._linked(schema))])
        for entry in self.catalog.tables(self.source_id):
            place = (entry.schema, entry.table)
            body = pages.page(entry, self.relations, changes.get(place, []), self._linked(entry.schema))
            up = f"{link(text(self.source_id), f'../{INDEX}.md')} / {link(text(entry.schema), f'{INDEX}.md')}\n\n"
            _write(self.folder / self.folders[entry.schema] / f"{self.files[place]}.md", [up, body])
            tally.add("tables")
            tally.add("columns", len(entry.snapshot.columns))
            on_progress(tally.counts["tables"], total, entry.qualified_name)

    def _index(self) -> Iterator[str]:
        yield source_head(self.source_id, self.catalog.scan(self.source_id), len(self.folders), len(self.tables))
        for schema, name in self.folders.items():
            of_schema = [item for item in self.tables.values() if item.place[0] == schema]
            yield f"\n## {link(text(schema), f'{name}/{INDEX}.md')}\n\n"
            listed_here = len(self.tables) <= MAX_LISTED
            yield tables_list(of_schema, self._linked(None)) if listed_here else f"{len(of_schema):,} tables and views\n"

    def _linked(self, schema: str | None) -> pages.Linked:
        """Return how a page in the folder of ``schema``, or in the source's own, links to tables."""

        def linked(place: Place) -> str:
            label = code(place[1] if schema is None or place[0] == schema else f"{place[0]}.{place[1]}")
            if place not in self.files:
                return label
            folder = "" if place[0] == schema else f"{self.folders[place[0]]}/" if schema is None else f"../{self.folders[place[0]]}/"
            return link(label, f"{folder}{self.files[place]}.md")

        return linked


def _single(catalog: Catalog, tally: Tally, on_progress: OnProgress) -> Iterator[str]:
    """Yield one file with everything; its tables are named, not linked, for what GitHub makes of a heading is its own affair."""
    total = catalog.table_count()
    for source_id in catalog.sources():
        relations = Relations(catalog.tables(source_id))
        changes = changes_by_table(catalog.diffs(source_id))
        yield source_head(source_id, catalog.scan(source_id), relations.schema_count, len(relations))
        for entry in catalog.tables(source_id):
            place = (entry.schema, entry.table)
            yield "\n" + pages.page(entry, relations, changes.get(place, []), _named, level=2)
            tally.add("tables")
            tally.add("columns", len(entry.snapshot.columns))
            on_progress(tally.counts["tables"], total, entry.qualified_name)
        tally.add("sources")


def _named(place: Place) -> str:
    return code(".".join(place))


def _write(file: Path, chunks: Iterator[str] | list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(chunks)
