"""The two standards that contracts and products travel in, and their schemas, which lie beside this module so that nothing is fetched."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any, Literal

import msgspec

from factbook.documents import Path

_MAX_SAID = 200


class Standard(msgspec.Struct, frozen=True):
    """One standard. ``version`` is the one that is written; older ones are read as far as the schema takes them."""

    name: Literal["odcs", "odps"]
    kind: str
    version: str
    title: str
    file: str
    url: str

    def problems(self, root: dict[str, Any], *, limit: int = 100) -> list[tuple[Path, str]]:
        """Return what the schema does not take, each with its path, at most ``limit``."""
        found = _validator(self.file).iter_errors(root)
        return [(tuple(error.instance_path), _sentence(error.message)) for error in islice(found, limit)]


ODCS = Standard(
    "odcs",
    "DataContract",
    "v3.1.0",
    "data contract (ODCS 3.1)",
    "odcs-json-schema-v3.1.0.json",
    "https://bitol-io.github.io/open-data-contract-standard/",
)
ODPS = Standard(
    "odps",
    "DataProduct",
    "v1.0.0",
    "data product (ODPS 1.0)",
    "odps-json-schema-v1.0.0.json",
    "https://bitol-io.github.io/open-data-product-standard/",
)


def standard_of(root: dict[str, Any]) -> Standard | None:
    """Return the standard a document says it follows."""
    return next((standard for standard in (ODCS, ODPS) if root.get("kind") == standard.kind), None)


@lru_cache(maxsize=2)
def _validator(file: str) -> Any:
    import jsonschema_rs

    schema = msgspec.json.decode(files(__package__).joinpath(file).read_bytes())
    # Formats are annotations in 2019-09: a link that is none is nobody's harm, and the standard's own examples would not pass.
    return jsonschema_rs.validator_for(schema)


def _sentence(message: str) -> str:
    """Return a message without the values it repeats at length."""
    return message if len(message) <= _MAX_SAID else f"…{message[1 - _MAX_SAID :]}"
