"""Documents as text: YAML for people, JSON for programs. What is read back is equal to what was written."""

from __future__ import annotations

import json
from functools import cache
from io import StringIO
from typing import Any, Literal

Form = Literal["yaml", "json"]
MEDIA_TYPES: dict[Form, str] = {"yaml": "application/yaml", "json": "application/json"}
_WIDTH = 140
_FIRST = (
    *(
        "apiVersion",
        "kind",
        "id",
        "name",
        "property",
        "server",
        "channel",
        "username",
        "version",
        "status",
        "domain",
        "dataProduct",
        "tenant",
    ),
    *(
        "physicalName",
        "businessName",
        "type",
        "metric",
        "logicalType",
        "logicalTypeOptions",
        "physicalType",
        "description",
        "value",
        "unit",
    ),
    *("host", "port", "database", "schema", "required", "unique", "primaryKey", "primaryKeyPosition", "classification"),
)
_LAST = ("properties", "items", "quality", "slaProperties", "team", "support", "tags", "authoritativeDefinitions", "customProperties")
_PLACES = {name: place for place, name in enumerate(_FIRST)} | {name: len(_FIRST) + 1 + place for place, name in enumerate(_LAST)}


def text_of(document: dict[str, Any], form: Form) -> str:
    """Return a document as text. A store keeps no order of keys, so that they come in the order people write them."""
    document = _ordered(document)
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _representer()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = _WIDTH
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    target = StringIO()
    yaml.dump(document, target)
    return target.getvalue()


@cache
def _representer() -> Any:
    """Return a representer of our own: what is added to one of ruamel's is added for everybody in the process."""
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        def ignore_aliases(self, data: Any) -> bool:
            # A value that stands in two places is written twice: an alias is for machines.
            return True

    Representer.add_representer(str, _text)
    return Representer


def _text(representer: Any, text: str) -> Any:
    """Quote a text that holds a sign a reader of YAML takes for the end of a line, or would lose, so that it is escaped."""
    style = None if text.replace("\n", "").isprintable() else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: _PLACES.get(item[0], len(_FIRST)))
        # The objects of a contract are its body; the schema of a server is a name.
        if isinstance(value.get("schema"), list):
            ordered.sort(key=lambda item: item[0] == "schema")
        return {key: _ordered(inner) for key, inner in ordered}
    return [_ordered(inner) for inner in value] if isinstance(value, list) else value
