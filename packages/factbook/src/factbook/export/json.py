"""JSON: one document, and NDJSON: a row a line. Both are written row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from factbook.export.catalog import Catalog
from factbook.export.contract import FileExporter, OnProgress, Option, Tally, What
from factbook.export.tabular import CARRIES, KINDS, batches

_encode = msgspec.json.Encoder().encode


class JsonExporter(FileExporter):
    """``{"what": …, "tenant": …, "as_of": …, "sources": […], "rows": […]}``, a row a line."""

    name: ClassVar[str] = "json"
    description: ClassVar[str] = "One JSON document: a row per column, fact or change"
    carries: ClassVar[tuple[What, ...]] = CARRIES
    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"
    options: ClassVar[tuple[Option, ...]] = (KINDS,)

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        head: dict[str, Any] = {"what": options["what"], "tenant": catalog.tenant, "as_of": catalog.as_of}
        if options["what"] == "dictionary":
            head["sources"] = catalog.sources()
        yield _encode(head)[:-1] + b',"rows":['
        separator = b"\n"
        for batch in batches(catalog, options, tally, on_progress):
            yield separator + b",\n".join(map(_encode, batch))
            separator = b",\n"
        yield b"\n]}\n"


class NdjsonExporter(FileExporter):
    """A row a line. An empty catalogue is an empty file."""

    name: ClassVar[str] = "ndjson"
    description: ClassVar[str] = "JSON lines: a row per column, fact or change"
    carries: ClassVar[tuple[What, ...]] = CARRIES
    media_type: ClassVar[str] = "application/x-ndjson"
    suffix: ClassVar[str] = ".ndjson"
    options: ClassVar[tuple[Option, ...]] = (KINDS,)

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        for batch in batches(catalog, options, tally, on_progress):
            yield b"\n".join(map(_encode, batch)) + b"\n"
