"""Which formats there are: ours by name, others' by entry point. Nothing of a format is loaded before it is asked for."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from factbook.errors import ConfigurationError, InvalidRequest
from factbook.export.contract import Exporter

GROUP = "factbook.exporters"

_OURS = {
    "atlas": "factbook.export.atlas:AtlasExporter",
    "collibra": "factbook.export.collibra:CollibraExporter",
    "csv": "factbook.export.csv:CsvExporter",
    "datahub": "factbook.export.datahub:DataHubExporter",
    "dbml": "factbook.export.dbml:DbmlExporter",
    "html": "factbook.export.html:HtmlExporter",
    "json": "factbook.export.json:JsonExporter",
    "markdown": "factbook.export.markdown:MarkdownExporter",
    "ndjson": "factbook.export.json:NdjsonExporter",
    "parquet": "factbook.export.parquet:ParquetExporter",
    "postgresql": "factbook.export.postgresql:PostgresExporter",
}


def formats() -> list[str]:
    """Return the names of the formats, sorted."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def exporter_for(name: str) -> Exporter:
    """Return the exporter of a format; raises :class:`InvalidRequest` with the formats there are."""
    if name in _OURS:
        return _load(EntryPoint(name, _OURS[name], GROUP))()
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _load(point)()
    raise InvalidRequest(f"There is no format {name}", why=f"there are {', '.join(formats())}", fix="Correct the name", field="format")


def exporters() -> list[Exporter]:
    """Return an exporter of each format, by name."""
    return [exporter_for(name) for name in formats()]


def _load(point: EntryPoint) -> type[Exporter]:
    try:
        loaded: type[Exporter] = point.load()
    except ImportError as error:
        raise ConfigurationError(
            f"The exporter for {point.name} cannot be loaded", why=str(error), fix=f"Mend or remove the package that brings {point.value}"
        ) from error
    return loaded
