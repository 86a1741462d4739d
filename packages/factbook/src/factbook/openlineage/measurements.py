"""Numbers in facets: rows written, statistics of datasets, results of tests, how long a run took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from factbook.log import redact_text
from factbook.openlineage.merging import Run
from factbook.openlineage.model import Dataset, Facets, entries, is_deleted, number_of, text_of, whole_number
from factbook.openlineage.moments import moment_of
from factbook.openlineage.naming import bounded
from factbook_sdk.facts.kinds.ingestion_runtime import IngestionRuntime
from factbook_sdk.facts.kinds.ingestion_volume import IngestionVolume
from factbook_sdk.facts.kinds.quality_result import Dimension, QualityOutcome, QualityResult
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Freshness, Quantile, StatisticsSnapshot
from factbook_sdk.facts.parts import Failure, Window

_MAX_TEXT = 4_000
_OUTCOMES: dict[str | None, Literal["succeeded", "failed", "cancelled"]] = {"COMPLETE": "succeeded", "FAIL": "failed", "ABORT": "cancelled"}
_DIMENSIONS: dict[str, Dimension] = {
    "freshness": "timeliness",
    "not_null": "completeness",
    "relationships": "consistency",
    "row_count": "volume",
    "unique": "uniqueness",
}


def volume_of(output: Dataset, inputs: Iterable[Dataset], window: Window | None) -> IngestionVolume | None:
    """Return what a run wrote into an output, if it counted rows. ``read_count`` is there where every input told its own."""
    facet = _facet(output.own, "outputStatistics")
    rows = whole_number(facet.get("rowCount"))
    if rows is None:
        return None
    read = [whole_number(_facet(dataset.own, "inputStatistics").get("rowCount")) for dataset in inputs]
    known = [count for count in read if count is not None]
    return IngestionVolume(
        rows,
        byte_count=whole_number(facet.get("size")),
        file_count=whole_number(facet.get("fileCount")),
        read_count=sum(known) if known and len(known) == len(read) else None,
        window=window,
    )


def window_of(run_facets: Facets) -> Window | None:
    """Return the stretch of time that a run was for (``nominalTime``)."""
    facet = _facet(run_facets, "nominalTime")
    start, end = moment_of(facet.get("nominalStartTime")), moment_of(facet.get("nominalEndTime"))
    return None if start is None and end is None else Window(start, end)


def runtime_of(run: Run) -> IngestionRuntime | None:
    """Return how long a run took, once its beginning and its end are known."""
    ended = run.ended
    if ended is None or run.started_at is None:
        return None
    seconds = max(0.0, (ended.moment - run.started_at).total_seconds())
    error = _facet(run.run_facets, "errorMessage")
    failure = None
    if ended.failed:
        message = text_of(error.get("message")) or f"the run ended with {ended.event_type} and did not say why"
        failure = Failure(redact_text(message)[:_MAX_TEXT])
    return IngestionRuntime(run.started_at, seconds, _OUTCOMES[ended.event_type], window=window_of(run.run_facets), error=failure)


def statistics_of(dataset: Dataset) -> StatisticsSnapshot | None:
    """Return what a producer measured of a dataset (``dataQualityMetrics``), as an input or at large."""
    facet = _facet(dataset.own, "dataQualityMetrics") or _facet(dataset.facets, "dataQualityMetrics")
    metrics = facet.get("columnMetrics")
    columns = [_column(name, values) for name, values in metrics.items() if name and isinstance(values, dict)] if metrics else []
    rows, size, latest = whole_number(facet.get("rowCount")), whole_number(facet.get("bytes")), moment_of(facet.get("lastUpdated"))
    if not columns and rows is None and size is None and latest is None:
        return None
    freshness = None if latest is None else Freshness("engine", latest)
    return StatisticsSnapshot("exact", rows, size_bytes=size, columns=columns, freshness=freshness)


def results_of(dataset: Dataset) -> Iterator[QualityResult]:
    """Yield the results of the tests a producer ran on a dataset (``dataQualityAssertions``)."""
    for facets in (dataset.own, dataset.facets):
        for entry in entries(facets.get("dataQualityAssertions"), "assertions"):
            check, success = text_of(entry.get("assertion")), entry.get("success")
            if check is not None and isinstance(success, bool):
                yield _result(entry, bounded(check), success)


def _result(entry: dict[str, Any], check: str, success: bool) -> QualityResult:
    column = text_of(entry.get("column"))
    warns = str(entry.get("severity")).lower() in ("warn", "warning")
    outcome: QualityOutcome = "passed" if success else "warned" if warns else "failed"
    name = text_of(entry.get("name")) or (check if column is None else f"{check}.{column}")
    expected, actual = entry.get("expected"), entry.get("actual")
    return QualityResult(
        rule=bounded(name),
        check=check,
        dimension=_DIMENSIONS.get(check.lower(), "validity"),
        outcome=outcome,
        severity="warning" if warns else "error",
        columns=[] if column is None else [bounded(column)],
        observed=_figure(actual),
        expected=text_of(expected),
        ruleset="openlineage",
        description=text_of(entry.get("description")),
    )


def _column(name: str, values: dict[str, Any]) -> ColumnStatistics:
    quantiles = values.get("quantiles")
    return ColumnStatistics(
        bounded(name),
        null_count=whole_number(values.get("nullCount")),
        distinct_count=whole_number(values.get("distinctCount")),
        minimum=number_of(values.get("min")),
        maximum=number_of(values.get("max")),
        total=number_of(values.get("sum")),
        quantiles=sorted(_quantiles(quantiles), key=lambda item: item.share) if isinstance(quantiles, dict) else [],
    )


def _quantiles(given: dict[str, Any]) -> Iterator[Quantile]:
    for share, value in given.items():
        at, number = _figure(share), number_of(value)
        if at is not None and 0 <= at <= 1 and number is not None:
            yield Quantile(at, number)


def _figure(value: Any) -> float | None:
    try:
        figure = float(value) if isinstance(value, str) else number_of(value)
    except ValueError:
        return None
    return figure if figure is not None and abs(figure) < float("inf") else None


def _facet(facets: Facets, name: str) -> dict[str, Any]:
    facet = facets.get(name, {})
    return {} if is_deleted(facet) else facet
