"""The OpenAPI document: parameters as FastAPI finds them, bodies and answers from the msgspec structs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.openapi.utils import get_openapi

from factbook.access.tokens import NewToken, Token
from factbook.api.bodies import NDJSON
from factbook.api.problems import PROBLEM_JSON, Problem
from factbook.api.schemas import (
    DbtBody,
    DiffWish,
    GateQuestion,
    HealthBrief,
    Judgement,
    KindChanges,
    KindPage,
    LatestQuestion,
    NameSettlement,
    NewDeprecation,
    NewSource,
    NewVersion,
    OffsetPage,
    PolicyList,
    ProfileTrigger,
    QualityTrigger,
    RecordPage,
    RecordQuestion,
    ScanTrigger,
    SourcePage,
    SqlText,
    StoreReport,
    TokenPage,
    TokenWish,
    VersionChoice,
)
from factbook.contracts import ContractCheck, ContractEdit, ContractHistory, ContractPage, ContractView, Imported
from factbook.dbt import DbtReport
from factbook.dictionary import DictionaryPage
from factbook.diff import DiffPage
from factbook.diff.gate_model import GateResult
from factbook.export.service import FormatList
from factbook.finding import SearchPage
from factbook.health import Health
from factbook.history import HistoryPlan
from factbook.jobs import Job, JobPage
from factbook.kinds import Proposal, Registered, Verdict
from factbook.knowledge import (
    EditionPage,
    FoundPage,
    KnownPage,
    NoteChange,
    NoteSet,
    OwnNotes,
    SuggestionPage,
    TermPage,
    TermTree,
    TermView,
)
from factbook.knowledge.glossary import ChangedTerm, NewTerm, Term
from factbook.lineage.model import Breaks, Closure, LineageEntry, LineageEntryPage, LineageStats, Neighbourhood, Paths
from factbook.lineage.registering import LineageRemoval, NewLineage
from factbook.lineage.sql import SqlLineageReport
from factbook.lint.model import LintPage
from factbook.names import Binding, BindingPage, UnresolvedPage
from factbook.openlineage import BatchAnswer, EventPage, Received
from factbook.products.analytics import ProductAges, ProductCoverage, UsageReport
from factbook.products.domains import DomainList
from factbook.products.model import (
    NewProduct,
    PortList,
    Product,
    ProductCheck,
    ProductHistory,
    ProductPage,
    ProductUpdate,
    RemovedProduct,
)
from factbook.profile import MeasuredPage, MeasuredTable
from factbook.quality import AnomalyPage, QualityPage
from factbook.repository.explaining import QueryPlan
from factbook.serving.model import RowPage
from factbook.sources.connections import Connection
from factbook.sources.contract import Probe
from factbook.watch import AlertPage
from factbook.watch.channels import Notice
from factbook_sdk.facts import Kind, MetadataRecord
from factbook_sdk.repository.contract import StoredRecord

if TYPE_CHECKING:
    from fastapi import FastAPI

TYPES: tuple[type, ...] = (
    AlertPage,
    AnomalyPage,
    BatchAnswer,
    Binding,
    BindingPage,
    Breaks,
    ChangedTerm,
    Closure,
    Connection,
    ContractCheck,
    ContractEdit,
    ContractHistory,
    ContractPage,
    ContractView,
    DbtBody,
    DbtReport,
    DictionaryPage,
    DiffPage,
    DiffWish,
    DomainList,
    EditionPage,
    EventPage,
    FormatList,
    FoundPage,
    GateQuestion,
    GateResult,
    Health,
    HealthBrief,
    HistoryPlan,
    Imported,
    Job,
    JobPage,
    Judgement,
    Kind,
    KindChanges,
    KindPage,
    KnownPage,
    LatestQuestion,
    LineageEntry,
    LineageEntryPage,
    LineageRemoval,
    LineageStats,
    LintPage,
    MeasuredPage,
    MeasuredTable,
    MetadataRecord,
    NameSettlement,
    Neighbourhood,
    NewDeprecation,
    NewLineage,
    NewProduct,
    NewSource,
    NewTerm,
    NewToken,
    NewVersion,
    NoteChange,
    NoteSet,
    Notice,
    OffsetPage,
    OwnNotes,
    Paths,
    PolicyList,
    PortList,
    Probe,
    Problem,
    Product,
    ProductAges,
    ProductCheck,
    ProductCoverage,
    ProductHistory,
    ProductPage,
    ProductUpdate,
    ProfileTrigger,
    Proposal,
    QualityPage,
    QualityTrigger,
    QueryPlan,
    Received,
    RecordPage,
    RecordQuestion,
    Registered,
    RemovedProduct,
    RowPage,
    ScanTrigger,
    SearchPage,
    SourcePage,
    SqlLineageReport,
    SqlText,
    StoreReport,
    StoredRecord,
    SuggestionPage,
    Term,
    TermPage,
    TermTree,
    TermView,
    Token,
    TokenPage,
    TokenWish,
    UnresolvedPage,
    UsageReport,
    Verdict,
    VersionChoice,
)
"""Every struct that travels over HTTP; what they hold comes along."""

_ALWAYS = (400, 401, 403, 500, 503)
_REASONS = {
    400: "The request is wrong; `field` names the value.",
    401: "The API key or token is missing, or not good.",
    403: "Not granted to whoever asks, or not served from there.",
    404: "Nothing is there under that name.",
    409: "It waits for consent, was cancelled, cannot be judged, or contradicts what is there.",
    412: "What was to be changed is no longer what the request saw.",
    413: "The body is larger than MAX_BODY_BYTES.",
    415: "The body is not JSON (or NDJSON for records, YAML for contracts and products), or packed otherwise than by gzip.",
    422: "A record or a kind breaks a rule; `field` names the value.",
    429: "The server has more to store than it can keep up with; send it again after `Retry-After` seconds.",
    500: "The server is configured wrongly, or has a bug.",
    501: "An optional library is missing on the server.",
    502: "The source refused.",
    503: "Busy; try again after `Retry-After` seconds.",
    504: "The source does not answer.",
}
WRITE_ERRORS = (413, 415)


def reference(struct: type) -> dict[str, str]:
    """Return a JSON Schema reference to a struct of :data:`TYPES`."""
    return {"$ref": f"#/components/schemas/{struct.__name__}"}


def answers(
    struct: type | None,
    description: str,
    *,
    status: int = 200,
    or_else: type | None = None,
    lines_of: type | None = None,
    events_of: type | None = None,
    errors: Iterable[int] = (),
) -> dict[int | str, dict[str, Any]]:
    """Describe a route's responses: its struct (``or_else`` another one), the items of its NDJSON form, and its errors beside those that
    every route has."""
    success: dict[str, Any] = {"description": description}
    if struct is not None:
        schema = reference(struct) if or_else is None else {"anyOf": [reference(struct), reference(or_else)]}
        success["content"] = {"application/json": {"schema": schema}}
    if lines_of is not None:
        success["content"][NDJSON] = {"schema": {"type": "string", "description": f"One {lines_of.__name__} a line."}}
    if events_of is not None:
        success["content"]["text/event-stream"] = {"schema": {"type": "string", "description": f"One {events_of.__name__} an event."}}
    described: dict[int | str, dict[str, Any]] = {status: success}
    for code in sorted({*_ALWAYS, *errors}):
        described[code] = _problem(_REASONS[code])
    return described | {"default": _problem("Any other error has this form, too.")}


def file(description: str, *, errors: Iterable[int] = ()) -> dict[int | str, dict[str, Any]]:
    """Describe the responses of a route that sends a file, whose media type depends on what was asked for."""
    described = answers(None, description, errors=errors)
    described[200]["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return described


def standard(description: str, *, errors: Iterable[int] = ()) -> dict[int | str, dict[str, Any]]:
    """Describe the responses of a route that sends a document of a standard, as JSON or YAML."""
    described = answers(None, description, errors=errors)
    described[200]["content"] = {media: {"schema": {"type": "object"}} for media in ("application/json", "application/yaml")}
    return described


def takes(struct: type, *, required: bool = True) -> dict[str, Any]:
    """Describe a JSON body."""
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": reference(struct)}}}}


def takes_document(description: str) -> dict[str, Any]:
    """Describe a body that is a document of a standard, as YAML or JSON."""
    content = {media: {"schema": {"type": "object", "description": description}} for media in ("application/yaml", "application/json")}
    return {"requestBody": {"required": True, "content": content}}


def document(app: FastAPI) -> dict[str, Any]:
    """Build the document, once."""
    if app.openapi_schema is None:
        built = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = built.setdefault("components", {})
        components.setdefault("schemas", {}).update(_schemas())
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "The server's API_KEY, or a token."}}
        built["security"] = [{}, {"key": []}]
        built["servers"] = [{"url": "/"}, {"url": "/api/v1", "description": "The same paths under a version."}]
        app.openapi_schema = built
    return app.openapi_schema


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": reference(Problem)}}}


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            _name_moment(name, field)
    return schemas


def _name_moment(name: str, field: dict[str, Any]) -> None:
    """Say that a field is a moment; msgspec says so only where it checks the zone itself."""
    for form in (field, *field.get("anyOf", ())):
        if form.get("type") == "string" and name.endswith(("_at", "_of", "_seen", "_after")):
            form["format"] = "date-time"
