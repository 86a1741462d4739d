"""``html``: a data dictionary for a browser, without a server and without a network: pages, one style sheet, one script, and an index.

Each table has a page of its own, which reads, prints and links without any script; the script adds the tree and the search (decision 0019).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from factbook.export import html_index, html_pages
from factbook.export.catalog import Catalog
from factbook.export.changes import changes_by_table
from factbook.export.contract import Destination, Exporter, ExportReport, OnProgress, Tally
from factbook.export.filenames import file_names
from factbook.export.html_drawing import Href
from factbook.export.quality import outcomes_of
from factbook.export.relations import Place, Relations

MAX_LISTED = 500
"""Tables on one page of a schema's list."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class HtmlExporter(Exporter):
    name = "html"
    description = "A searchable data dictionary for the browser, opened from a folder: no server, no network"
    writes = "folder"

    def export(self, catalog: Catalog, destination: Destination, options: Mapping[str, str], on_progress: OnProgress) -> ExportReport:
        tally = Tally()
        with destination.folder() as folder:
            _Dictionary(catalog, folder, tally, on_progress).write()
        return tally.report(self, destination)


class _Schema(msgspec.Struct):
    """A schema's folder, the files of its tables, and what the index says of each."""

    name: str
    folder: str
    files: dict[str, str]
    rows: list[list[Any]]


class _Source(msgspec.Struct):
    name: str
    folder: str
    engine: str
    schemas: dict[str, _Schema]

    @property
    def table_count(self) -> int:
        return sum(len(schema.rows) for schema in self.schemas.values())


class _Dictionary:
    """One export: the pages of each source, then the overview and the index of all."""

    def __init__(self, catalog: Catalog, folder: Path, tally: Tally, on_progress: OnProgress) -> None:
        self.catalog, self.folder, self.tally, self.on_progress = catalog, folder, tally, on_progress
        self.total = catalog.table_count()
        self.sources: list[_Source] = []
        self.lines: list[str] = []

    def write(self) -> None:
        (self.folder / "assets").mkdir(parents=True)
        for name in ("dictionary.css", "dictionary.js"):
            (self.folder / "assets" / name).write_bytes(_template_folder().joinpath(name).read_bytes())
        for source_id, folder in file_names(self.catalog.sources(), taken=["assets", "index"]).items():
            self._write_source(source_id, folder)
            self.tally.add("sources")
        self._write_index()
        self._write_overview()

    def _write_source(self, source_id: str, folder: str) -> None:
        relations = Relations(self.catalog.tables(source_id))
        source = _planned(source_id, folder, self._engine(source_id), relations)
        changes = changes_by_table(self.catalog.diffs(source_id))
        outcomes = outcomes_of(self.catalog, source_id, self.tally)
        for schema in source.schemas.values():
            (self.folder / folder / schema.folder).mkdir(parents=True)
        for entry in self.catalog.tables(source_id):
            place, schema = (entry.schema, entry.table), source.schemas[entry.schema]
            model = html_pages.view(entry, relations, changes.get(place, []), _hrefs(source, entry.schema))
            model["quality"] = outcomes.get(place)
            if entry.snapshot.partition_of is not None:
                parent = entry.snapshot.partition_of
                model["parent"] = html_pages.to((parent.schema or entry.schema, parent.table), place, _hrefs(source, entry.schema))
            trail = [(source_id, "../index.html"), (entry.schema, "index.html")]
            self._page("table.html", f"{folder}/{schema.folder}/{schema.files[entry.table]}.html", trail=trail, **model)
            schema.rows.append(html_index.table_row(entry, schema.files[entry.table]))
            self.lines.append(html_index.columns_line(entry))
            self.tally.add("tables")
            self.tally.add("columns", len(entry.snapshot.columns))
            self.on_progress(self.tally.counts["tables"], self.total, entry.qualified_name)
        self._write_lists(source)
        self.sources.append(source)

    def _engine(self, source_id: str) -> str:
        scan = self.catalog.scan(source_id)
        return "" if scan is None else f"{scan.engine} {scan.engine_version}"

    def _write_lists(self, source: _Source) -> None:
        rows = [(schema.name, f"{quote(schema.folder)}/index.html", [f"{len(schema.rows):,}"]) for schema in source.schemas.values()]
        lead = f"{source.engine + ', ' if source.engine else ''}{source.table_count:,} tables and views"
        names = ["Schema", "Tables and views"]
        trail = [("All sources", "../index.html")]
        self._page(
            "listing.html", f"{source.folder}/index.html", trail=trail, title=source.name, lead=lead, names=names, rows=rows, pages=[]
        )
        for schema in source.schemas.values():
            self._write_list(source, schema)

    def _write_list(self, source: _Source, schema: _Schema) -> None:
        parts = [schema.rows[start : start + MAX_LISTED] for start in range(0, len(schema.rows), MAX_LISTED)]
        spans = [(f"{part[0][0]} … {part[-1][0]}", _list_name(number)) for number, part in enumerate(parts)]
        for number, part in enumerate(parts):
            self._page(
                "listing.html",
                f"{source.folder}/{schema.folder}/{_list_name(number)}",
                trail=[(source.name, "../index.html")],
                title=schema.name,
                lead=f"{len(schema.rows):,} tables and views",
                names=["Table", "Type", "Columns", "Description"],
                rows=[
                    (name, f"{quote(file or name)}.html", [kind or "table", f"{columns:,}", described])
                    for name, file, kind, columns, described in part
                ],
                pages=[(label, None if at == number else href) for at, (label, href) in enumerate(spans)] if len(spans) > 1 else [],
            )

    def _write_index(self) -> None:
        first = number = 0
        for number, lines in enumerate(html_index.shards(self.lines), 1):
            text = html_index.script("factbookColumns", first, "\n".join(lines))
            self._write(f"assets/columns-{number - 1}.js", text)
            first += len(lines)
        named = [
            [source.name, source.folder, [[schema.name, schema.folder, schema.rows] for schema in source.schemas.values()]]
            for source in self.sources
        ]
        self._write("assets/tables.js", html_index.script("factbookTables", {"sources": named, "shards": number}))

    def _write_overview(self) -> None:
        shown = [
            {
                "name": source.name,
                "href": f"{quote(source.folder)}/index.html",
                "engine": source.engine,
                "schemas": len(source.schemas),
                "tables": source.table_count,
            }
            for source in self.sources
        ]
        counts = self.tally.counts
        as_of = f"{self.catalog.as_of:%Y-%m-%d %H:%M} UTC" if self.catalog.as_of is not None else ""
        self._page("overview.html", "index.html", sources=shown, tables=counts["tables"], columns=counts["columns"], as_of=as_of)

    def _page(self, template: str, path: str, **model: Any) -> None:
        root = "../" * path.count("/")
        self._write(path, _templates().get_template(template).render(root=root, here=path, **model))

    def _write(self, path: str, text: str) -> None:
        # Control characters are no part of HTML, not even escaped.
        (self.folder / path).write_text(_CONTROLS.sub("\ufffd", text), encoding="utf-8", newline="\n")


def _planned(source_id: str, folder: str, engine: str, relations: Relations) -> _Source:
    """Return a source with a file for each of its tables and none of their rows yet."""
    tables: dict[str, list[str]] = {}
    for schema, table in relations.places:
        tables.setdefault(schema, []).append(table)
    folders = file_names(tables, taken=["index"])
    lists = {
        schema: [_list_name(number).removesuffix(".html") for number in range(len(names) // MAX_LISTED + 1)]
        for schema, names in tables.items()
    }
    schemas = {name: _Schema(name, folders[name], file_names(found, taken=lists[name]), []) for name, found in tables.items()}
    return _Source(source_id, folder, engine, schemas)


def _list_name(number: int) -> str:
    return f"index-{number + 1}.html" if number else "index.html"


def _hrefs(source: _Source, schema: str) -> Href:
    """Return how a page in a schema's folder reaches the page of a table; ``None`` of one that has none."""

    def href(place: Place) -> str | None:
        found = source.schemas.get(place[0])
        if found is None or place[1] not in found.files:
            return None
        page = f"{quote(found.files[place[1]])}.html"
        return page if place[0] == schema else f"../{quote(found.folder)}/{page}"

    return href


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(str(_template_folder())),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )


def _template_folder() -> Any:
    return resources.files("factbook.export") / "templates"
