"""Names of files, made from names of data so that no file system can mind them, and read back from them.

``records/<kind>/<schema.table>/<time>_<run>.json``, below ``tenants/<tenant>/`` for any tenant but ``default``. In a part of a path
letters, digits, ``_`` and ``-`` stand for themselves; any other character is percent-encoded, each byte of its UTF-8, so
``urllib.parse.unquote`` gives the name back. ``~`` and ``@`` are never part of an encoded name and mean:

========================  =============================================================================================
``sales.orders``          a table
``~.orders``, ``sales.~``  a table without a schema; a schema
``@shop``                 a source
``sales.orders@shop``     the same name in another source, or in another case: the first in the log has the plain name
``…~<32 hex digits>``     cut, because a file system takes 255 bytes: the digest of the whole part
``…~<id>.json``           another record of the same time and run: the first in the log has the plain name
========================  =============================================================================================
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

from factbook_sdk.facts import DEFAULT_TENANT, MetadataTarget
from factbook_sdk.facts.codec import digest

CATALOGUE = "index.json"
LOG = "log"
TORN = "torn"
"""What was cut off the end of the log: half a commit of a process that died."""
SUFFIX = ".jsonl"

_MAX_BYTES = 180
"""Of a part: an id, a time and the suffix still fit into 255 bytes."""

_KEPT_BYTES = 120
_CUT_ESCAPE = re.compile(r"%[0-9A-F]?$")
_CAPITAL = re.compile(r"%[0-9A-F]{2}|[A-Z]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=$|[.@~])", re.IGNORECASE)


def segment_name(first_offset: int) -> str:
    """Return where the segment of the log lies that begins with an offset."""
    return f"{LOG}/{first_offset:020d}{SUFFIX}"


def first_offset_of(name: str) -> int | None:
    """Return the offset that a segment's file name says it begins with; ``None`` for any other file."""
    stem = name.removesuffix(SUFFIX)
    return int(stem) if name.endswith(SUFFIX) and len(stem) == 20 and stem.isascii() and stem.isdecimal() else None


def plain_folder(target: MetadataTarget) -> str:
    """Return the folder name of a target, as long as no other target has it."""
    if target.schema is None and target.table is None:
        return _fitting("@" + encoded(target.source_id, fold=True))
    return _fitting(f"{_part(target.schema)}.{_part(target.table)}")


def qualified_folder(target: MetadataTarget) -> str:
    """Return the folder name that no other target can have, also where ``A`` and ``a`` are the same."""
    if target.schema is None and target.table is None:
        return plain_folder(target)
    names = f"{_part(target.schema, fold=True)}.{_part(target.table, fold=True)}"
    return _fitting(f"{names}@{encoded(target.source_id, fold=True)}")


def kind_folder(tenant: str, kind: str) -> str:
    """Return the folder of a tenant's records of a kind."""
    records = f"records/{_fitting(encoded(kind, fold=True))}"
    return records if tenant == DEFAULT_TENANT else f"tenants/{_fitting(encoded(tenant, fold=True))}/{records}"


def record_name(produced_at: datetime, run_id: str | None, content_id: str | None = None) -> str:
    """Return a record's file name; ``content_id`` where another record has the name without it."""
    time = produced_at.isoformat().removesuffix("+00:00") + "Z"
    run = "" if run_id is None else "_" + _fitting(encoded(run_id))
    return f"{time}{run}{'' if content_id is None else '~' + content_id}.json"


def encoded(name: str, *, fold: bool = False) -> str:
    """Encode a name; with ``fold`` capitals too, so that two names never differ in case alone."""
    text = quote(name, safe="").replace(".", "%2E").replace("~", "%7E")
    return _CAPITAL.sub(lambda found: found[0] if len(found[0]) > 1 else f"%{ord(found[0]):02X}", text) if fold else text


def _part(name: str | None, *, fold: bool = False) -> str:
    return "~" if name is None else encoded(name, fold=fold)


def _fitting(part: str) -> str:
    """Return the part, cut where it is too long, and nothing that Windows takes for a device."""
    if len(part) > _MAX_BYTES:
        part = f"{_CUT_ESCAPE.sub('', part[:_KEPT_BYTES])}~{digest(part.encode()).hex()}"
    return f"%{ord(part[0]):02X}{part[1:]}" if _RESERVED.match(part) else part
