"""What ran: outcomes of tests as ``quality_result``, runs of models as ``ingestion_runtime``, freshness of sources as both a result and
an ``sla_adherence``.

A message of a database may quote values of the data, so that of messages only the first line is kept, which dbt writes itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from factbook.dbt.lineage import Placed
from factbook.dbt.model import DbtNode, DbtProject
from factbook.dbt.reading import Metadata, check_version, decode, moment_of
from factbook.log import redact_text
from factbook_sdk.facts.kinds.ingestion_runtime import IngestionRuntime, Phase
from factbook_sdk.facts.kinds.quality_result import Dimension, QualityOutcome, QualityResult
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence
from factbook_sdk.facts.parts import Failure, TableRef

Found = tuple[TableRef | None, msgspec.Struct, datetime]
"""Where it belongs (``None``: to the project), what it is, and since when it is so."""

_MAX_MESSAGE = 300
_COMPILES_ONLY = frozenset({"compile", "docs", "generate", "list", "ls", "parse", "show"})
_OUTCOMES: dict[str, QualityOutcome] = {
    "pass": "passed",
    "fail": "failed",
    "warn": "warned",
    "error": "error",
    "runtime error": "error",
    "skipped": "skipped",
}
_RUNS: dict[str, Literal["succeeded", "failed"]] = {"success": "succeeded", "error": "failed", "partial success": "failed"}
_DIMENSIONS: tuple[tuple[str, Dimension], ...] = (
    ("not_null", "completeness"),
    ("at_least_one", "completeness"),
    ("unique", "uniqueness"),
    ("relationships", "consistency"),
    ("equal", "consistency"),
    ("recency", "timeliness"),
    ("fresh", "timeliness"),
    ("row_count", "volume"),
    ("cardinality", "volume"),
)
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


class _Results(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()
    results: list[dict[str, Any]] = []
    args: dict[str, Any] | None = None


def run_facts(text: bytes | None, project: DbtProject, placed: Placed, warnings: list[str]) -> Iterator[Found]:
    """Yield what a run's results say. Nothing of a command that only compiled: its ``success`` says nothing of data."""
    if text is None:
        return
    found: _Results = decode(text, _Results, "run_results")
    check_version("run_results", found.metadata, warnings)
    command = (found.args or {}).get("which")
    if command in _COMPILES_ONLY:
        warnings.append(f"run_results.json is of `dbt {command}`, which runs nothing; no outcome was taken from it")
        return
    written = found.metadata.moment() or project.generated_at
    unknown = 0
    for result in found.results:
        node = project.nodes.get(str(result.get("unique_id")))
        if node is None:
            unknown += 1
            continue
        if node.test is not None:
            yield from _test_outcome(node, result, project, placed, written)
        elif node.parts:
            yield from _runtime(node, result, placed, written)
    if unknown:
        warnings.append(f"run_results.json has {unknown} results of nodes that the manifest does not hold; they were left out")


def freshness_facts(text: bytes | None, project: DbtProject, placed: Placed, warnings: list[str]) -> Iterator[Found]:
    """Yield how fresh sources were, as a judged rule and as a promise."""
    if text is None:
        return
    found: _Results = decode(text, _Results, "sources")
    check_version("sources", found.metadata, warnings)
    for result in found.results:
        unique_id = str(result.get("unique_id"))
        if unique_id not in project.nodes:
            warnings.append(f"sources.json tells of {unique_id}, which the manifest does not hold; it was left out")
            continue
        table, node = placed.of(unique_id), project.nodes[unique_id]
        if table is not None:
            moment = moment_of(result.get("snapshotted_at")) or found.metadata.moment() or project.generated_at
            yield from ((table, fact, moment) for fact in _freshness(node, result, project))


def _test_outcome(node: DbtNode, result: Mapping[str, Any], project: DbtProject, placed: Placed, written: datetime) -> Iterator[Found]:
    outcome = _OUTCOMES.get(str(result.get("status")))
    test = node.test
    if outcome is None or test is None:
        return
    tested = project.nodes.get(test.node or "")
    if tested is not None and tested.parts and placed.of(tested.unique_id) is None:
        return
    failures = _count(result.get("failures"))
    judged = outcome in ("passed", "failed", "warned")
    yield (
        placed.of(test.node or ""),
        QualityResult(
            rule=node.name,
            check=test.check,
            dimension=next((dimension for word, dimension in _DIMENSIONS if word in test.check), "validity"),
            outcome=outcome,
            severity="warning" if test.severity == "warn" else "error",
            columns=[test.column] if test.column else [],
            observed=float(failures) if judged and failures is not None else None,
            expected=test.expected,
            unit="failures" if judged and failures is not None else None,
            reason=None if judged else _message(result) or f"dbt says {result.get('status')}",
            duration_seconds=_seconds(result.get("execution_time")),
            ruleset=project.producer_id,
            tags=list(node.tags),
            owner=node.owners[0] if node.owners else None,
            description=node.description or None,
        ),
        _ended(result) or written,
    )


def _runtime(node: DbtNode, result: Mapping[str, Any], placed: Placed, written: datetime) -> Iterator[Found]:
    outcome, table = _RUNS.get(str(result.get("status"))), placed.of(node.unique_id)
    seconds = _seconds(result.get("execution_time"))
    if outcome is None or table is None or seconds is None:
        return
    phases = [
        Phase(str(step["name"]), round((ended - begun).total_seconds(), 6))
        for step, begun, ended in _timing(result)
        if step.get("name") and ended >= begun
    ]
    begun = min((begun for _, begun, _ in _timing(result)), default=written)
    yield (
        table,
        IngestionRuntime(
            started_at=begun,
            duration_seconds=seconds,
            outcome=outcome,
            row_count=_count((result.get("adapter_response") or {}).get("rows_affected")),
            phases=phases,
            error=None if outcome == "succeeded" else Failure(_message(result) or f"dbt says {result.get('status')}"),
        ),
        _ended(result) or written,
    )


def _freshness(node: DbtNode, result: Mapping[str, Any], project: DbtProject) -> Iterator[msgspec.Struct]:
    status = str(result.get("status"))
    outcome = _OUTCOMES.get({"error": "fail"}.get(status, status))
    if outcome is None:
        return
    criteria = result.get("criteria") or {}
    limits = {name: _limit(criteria.get(name)) for name in ("warn_after", "error_after")}
    promised = limits["error_after"] if status == "error" else limits["warn_after"] or limits["error_after"]
    age = _seconds(result.get("max_loaded_at_time_ago_in_s"))
    reason = (
        None if outcome != "error" else redact_text(str(result.get("error") or "")).partition("\n")[0][:_MAX_MESSAGE] or "dbt says no more"
    )
    yield QualityResult(
        rule=f"freshness of {node.name}",
        check="freshness",
        dimension="timeliness",
        outcome=outcome,
        severity="warning" if outcome == "warned" else "error",
        observed=age,
        expected=None if promised is None else f"at most {promised:g} seconds old",
        upper=promised,
        unit="seconds" if age is not None else None,
        reason=reason,
        duration_seconds=_seconds(result.get("execution_time")),
        ruleset=project.producer_id,
    )
    yield SlaAdherence(
        name=f"freshness of {node.name}",
        objective="freshness",
        outcome="unknown" if outcome == "error" else "met" if outcome == "passed" else "missed",
        met_at=moment_of(result.get("max_loaded_at")),
        late_seconds=None if age is None or promised is None else age - promised,
        expected=promised,
        observed=age,
        unit="seconds",
    )


def _limit(given: Any) -> float | None:
    if not isinstance(given, dict) or not isinstance(given.get("count"), int):
        return None
    unit = _SECONDS.get(str(given.get("period")))
    return None if unit is None else float(given["count"] * unit)


def _timing(result: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], datetime, datetime]]:
    found = []
    for step in result.get("timing") or ():
        begun, ended = moment_of(step.get("started_at")), moment_of(step.get("completed_at"))
        if begun is not None and ended is not None:
            found.append((step, begun, ended))
    return found


def _ended(result: Mapping[str, Any]) -> datetime | None:
    return max((ended for _, _, ended in _timing(result)), default=None)


def _message(result: Mapping[str, Any]) -> str:
    return redact_text(str(result.get("message") or "")).strip().partition("\n")[0][:_MAX_MESSAGE]


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None
