"""A manifest of any version into one form.

What changed between v1 (dbt 0.19) and v12 (dbt 1.8 and later) and matters here: ``compiled_sql`` became ``compiled_code`` (v7), a test
names what it is about as ``attached_node`` (v10), the project's name stands in the metadata (v10), ``meta`` and ``tags`` moved into
``config`` (v12). Fields of no interest are not looked at, whatever they hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from factbook.dbt.model import DbtColumn, DbtNode, DbtProject, DbtTest
from factbook.dbt.reading import Metadata, check_version, decode
from factbook.errors import InvalidRequest

DATASETS = frozenset({"model", "seed", "snapshot", "source"})
"""What is a table or a view, unless it is ephemeral."""

_CALL = re.compile(r"\b(ref|source)\(([^)]*)\)")
_QUOTED = re.compile(r"""['"]([^'"]+)['"]""")
_MAX_NAME = 512

_Json = dict[str, Any]


class _Manifest(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()
    nodes: dict[str, _Json] = {}
    sources: dict[str, _Json] = {}
    exposures: dict[str, _Json] | None = None
    metrics: dict[str, _Json] | None = None
    semantic_models: dict[str, _Json] | None = None
    saved_queries: dict[str, _Json] | None = None
    functions: dict[str, _Json] | None = None
    unit_tests: dict[str, _Json] | None = None
    groups: dict[str, _Json] | None = None


def read_manifest(text: bytes, warnings: list[str], *, now: datetime) -> DbtProject:
    """Return the project; raises :class:`InvalidRequest` for what is no manifest. What is odd is noted in ``warnings``."""
    manifest: _Manifest = decode(text, _Manifest, "manifest")
    version = check_version("manifest", manifest.metadata, warnings)
    moment = manifest.metadata.moment()
    if moment is None:
        warnings.append("manifest.json does not say when it was written; its facts are of now")
    name = manifest.metadata.project_name or _most_common_package(manifest)
    if name is None:
        raise InvalidRequest(
            "The manifest names no project", why="it says no project_name and has no models", fix="Run dbt compile first", field="manifest"
        )
    nodes = {node.unique_id: node for node in _nodes(manifest)}
    return DbtProject(
        name=name,
        adapter=manifest.metadata.adapter_type,
        generated_at=moment or now.astimezone(UTC),
        invocation_id=manifest.metadata.invocation_id,
        version=f"v{version}",
        nodes=nodes,
    )


def inputs_of(project: DbtProject, node: DbtNode) -> dict[str, list[str]]:
    """Return the datasets a node is made from, by unique id, each with what is passed through on the way: ephemeral models, metrics."""
    found: dict[str, list[str]] = {}
    seen = {node.unique_id}
    waiting: list[tuple[str, list[str]]] = [(parent, []) for parent in node.depends_on]
    while waiting:
        unique_id, way = waiting.pop(0)
        if unique_id in seen:
            continue
        seen.add(unique_id)
        parent = project.nodes.get(unique_id)
        if parent is None:
            continue
        if parent.parts:
            found[unique_id] = way
        else:
            waiting += [(above, [*way, unique_id]) for above in parent.depends_on]
    return found


def _most_common_package(manifest: _Manifest) -> str | None:
    """Return the package that most models are of: manifests before v10 do not name their project."""
    packages = Counter(str(node["package_name"]) for node in manifest.nodes.values() if node.get("package_name"))
    return packages.most_common(1)[0][0] if packages else None


def _nodes(manifest: _Manifest) -> Iterator[DbtNode]:
    groups = {str(group.get("name")): group for group in (manifest.groups or {}).values()}
    by_name = _by_name(manifest)
    for unique_id, node in manifest.nodes.items():
        yield _node(unique_id, node, groups, by_name)
    for unique_id, source in manifest.sources.items():
        yield _node(unique_id, {"resource_type": "source", "alias": source.get("identifier"), **source}, groups, by_name)
    others = (
        manifest.exposures,
        manifest.metrics,
        manifest.semantic_models,
        manifest.saved_queries,
        manifest.functions,
        manifest.unit_tests,
    )
    for kind, found in zip(("exposure", "metric", "semantic_model", "saved_query", "function", "unit_test"), others, strict=True):
        for unique_id, other in (found or {}).items():
            yield _node(unique_id, {"resource_type": kind, **other}, groups, by_name)


def _node(unique_id: str, node: _Json, groups: Mapping[str, _Json], by_name: Mapping[tuple[str, ...], str]) -> DbtNode:
    config = _mapping(node.get("config"))
    resource_type = str(node.get("resource_type") or unique_id.partition(".")[0])
    materialized = config.get("materialized")
    meta = {**_mapping(config.get("meta")), **_mapping(node.get("meta"))}
    columns = tuple(_column(name, _mapping(column)) for name, column in _mapping(node.get("columns")).items())
    depends_on = _mapping(node.get("depends_on")).get("nodes") or []
    code = node.get("compiled_code") or node.get("compiled_sql")
    return DbtNode(
        unique_id=unique_id,
        name=str(node.get("name") or unique_id),
        resource_type=resource_type,
        parts=_parts(node) if resource_type in DATASETS and materialized != "ephemeral" else (),
        depends_on=tuple(str(parent) for parent in depends_on),
        materialized=materialized if isinstance(materialized, str) else None,
        description=_text(node.get("description")),
        tags=_words(node.get("tags"), config.get("tags")),
        meta=meta,
        owners=_owners(node, meta, config, groups),
        columns=columns,
        file=node.get("original_file_path") or None,
        code=code if isinstance(code, str) and code.strip() else None,
        test=_test(node, config, resource_type, by_name),
        link=node.get("url") if isinstance(node.get("url"), str) else None,
        extras={name: str(node[name]) for name in ("type", "maturity", "label") if resource_type == "exposure" and node.get(name)},
    )


def _parts(node: _Json) -> tuple[str, ...]:
    name = node.get("alias") or node.get("identifier") or node.get("name")
    return tuple(str(part) for part in (node.get("database"), node.get("schema"), name) if part)


def _column(name: str, column: _Json) -> DbtColumn:
    config = _mapping(column.get("config"))
    return DbtColumn(
        str(column.get("name") or name),
        _text(column.get("description")),
        column.get("data_type") if isinstance(column.get("data_type"), str) else None,
        _words(column.get("tags"), config.get("tags")),
        {**_mapping(config.get("meta")), **_mapping(column.get("meta"))},
    )


def _owners(node: _Json, meta: _Json, config: _Json, groups: Mapping[str, _Json]) -> tuple[str, ...]:
    """Return who answers for a node: its own owner (an exposure's), that of its ``meta``, or its group's."""
    group = groups.get(str(node.get("group") or config.get("group")))
    told = (node.get("owner"), meta.get("owner"), (group or {}).get("owner"))
    return next((owners for owners in (tuple(_people(owner)) for owner in told) if owners), ())


def _people(owner: Any) -> Iterator[str]:
    if isinstance(owner, str) and owner:
        yield owner
    elif isinstance(owner, list):
        yield from (str(one) for one in owner if one)
    elif isinstance(owner, dict):
        emails = owner.get("email")
        address = ", ".join(str(one) for one in (emails if isinstance(emails, list) else [emails]) if one)
        name = owner.get("name")
        if name or address:
            yield f"{name} <{address}>" if name and address else str(name or address)


def _test(node: _Json, config: _Json, resource_type: str, by_name: Mapping[tuple[str, ...], str]) -> DbtTest | None:
    if resource_type == "unit_test":
        parent = by_name.get(("ref", str(node.get("model"))))
        return DbtTest("unit_test", parent)
    if resource_type != "test":
        return None
    told = _mapping(node.get("test_metadata"))
    check = ".".join(str(part) for part in (told.get("namespace"), told.get("name")) if part) or "sql"
    column = node.get("column_name") or _mapping(told.get("kwargs")).get("column_name")
    severity = str(config.get("severity") or "error").lower()
    condition = config.get("warn_if" if severity == "warn" else "error_if")
    return DbtTest(check, _tested(node, told, by_name), column if isinstance(column, str) else None, severity, _condition(condition))


def _condition(condition: Any) -> str | None:
    return f"fails if the number of failures is {condition}" if isinstance(condition, str) and condition else None


def _tested(node: _Json, told: _Json, by_name: Mapping[tuple[str, ...], str]) -> str | None:
    """Return what a test is about. Of several tables the one that its ``model`` argument names; the others are what it is held against."""
    if isinstance(node.get("attached_node"), str):
        return str(node["attached_node"])
    call = _CALL.search(str(_mapping(told.get("kwargs")).get("model") or ""))
    if call is not None:
        found = by_name.get((call[1], *_QUOTED.findall(call[2])[-(2 if call[1] == "source" else 1) :]))
        if found is not None:
            return found
    parents = _mapping(node.get("depends_on")).get("nodes") or []
    return str(parents[0]) if parents else None


def _by_name(manifest: _Manifest) -> dict[tuple[str, ...], str]:
    named = {("ref", str(node.get("name"))): key for key, node in manifest.nodes.items() if node.get("resource_type") in DATASETS}
    return named | {("source", str(one.get("source_name")), str(one.get("name"))): key for key, one in manifest.sources.items()}


def _mapping(value: Any) -> _Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _words(*values: Any) -> tuple[str, ...]:
    """Return tags, which dbt takes as one word or as a list, each once."""
    lists = [value if isinstance(value, list) else [value] for value in values if value]
    return tuple(dict.fromkeys(str(word) for words in lists for word in words if word))
