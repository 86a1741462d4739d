"""What quality rules said and how tables were scored, as exports show it: without what was seen of sensitive columns."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from factbook.errors import NotAllowed
from factbook.export.catalog import Catalog
from factbook.export.contract import Tally
from factbook.export.relations import Place
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.repository.contract import StoredRecord

_BATCH = 1_000
_COUNTS = frozenset({"rows", "share", "percent"})
"""Units of numbers that tell how many rows there are, and nothing of their values."""
_LOST = "quality outcomes are left out: who exports may not read them"

Result = tuple[StoredRecord, QualityResult]


class TableOutcomes(msgspec.Struct):
    """The last score of a table, and the last result of each rule in force, by rule."""

    score: QualityScore | None = None
    results: dict[str, QualityResult] = {}

    @property
    def shown(self) -> list[QualityResult]:
        """Return the results in the order of their rules; of rules that are no longer in force none."""
        rules = set(self.score.rules) if self.score is not None else set(self.results)
        return [self.results[rule] for rule in sorted(self.results) if rule in rules]


def results_of(catalog: Catalog, source_id: str, tally: Tally) -> Iterator[Result]:
    """Yield the results of a source, oldest first; none, and a word on it, for who may not read them."""
    batch: list[StoredRecord] = []
    for item in _facts(catalog, "quality_result", source_id, tally):
        batch.append(item)
        if len(batch) >= _BATCH:
            yield from _bared(catalog, batch)
            batch = []
    yield from _bared(catalog, batch)


def scores_of(catalog: Catalog, source_id: str, tally: Tally) -> Iterator[tuple[StoredRecord, QualityScore]]:
    """Yield the scores of a source and its tables, oldest first."""
    for item in _facts(catalog, "quality_score", source_id, tally):
        if item.record.payload is not None:
            yield item, msgspec.convert(item.record.payload, QualityScore)


def outcomes_of(catalog: Catalog, source_id: str, tally: Tally) -> dict[Place, TableOutcomes]:
    """Return what is known of the quality of each table, by schema and table."""
    found: dict[Place, TableOutcomes] = {}
    for item, result in results_of(catalog, source_id, tally):
        found.setdefault(_place(item), TableOutcomes()).results[result.rule] = result
    for item, score in scores_of(catalog, source_id, tally):
        found.setdefault(_place(item), TableOutcomes()).score = score
    return found


def _facts(catalog: Catalog, kind: str, source_id: str, tally: Tally) -> Iterator[StoredRecord]:
    try:
        yield from catalog.facts(kind, source_id)
    except NotAllowed:
        tally.lose(_LOST)


def _bared(catalog: Catalog, batch: list[StoredRecord]) -> Iterator[Result]:
    sensitive = catalog.sensitive_now(list(dict.fromkeys(item.record.target for item in batch))) if batch else {}
    for item in batch:
        if item.record.payload is not None:
            yield item, _without_values(msgspec.convert(item.record.payload, QualityResult), sensitive[item.record.target])


def _without_values(result: QualityResult, sensitive: Sensitive) -> QualityResult:
    """Take away the number seen where it may be a value of a sensitive column: of a rule that names no column it may be of any."""
    is_about = any(map(sensitive.covers, result.columns)) if result.columns else bool(sensitive)
    if not is_about or result.unit in _COUNTS:
        return result
    return msgspec.structs.replace(result, observed=None, reason=None)


def _place(item: StoredRecord) -> Place:
    return item.record.target.schema or "", item.record.target.table or ""
