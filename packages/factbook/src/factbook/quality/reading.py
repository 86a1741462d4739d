"""What is known of a source's quality, from facts alone: scores, the last result of each rule in force, promises, anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.quality.anomalies import Options
from factbook.quality.board import board, board_of, reconciliations, rule_page
from factbook.quality.choosing import is_like, no_table_like
from factbook.quality.facts import Facts, just_after
from factbook.quality.failing import READS, FailingChecks, failing
from factbook.quality.model import (
    PRODUCER_ID,
    AnomalyPage,
    FoundAnomaly,
    QualityBoard,
    QualityPage,
    Reconciliation,
    RulePage,
    SourceQuality,
    TableQuality,
)
from factbook.quality.series import anomaly_of, look, read_histories
from factbook.quality.tables import QualityOverTime, anomalies_of, quality_over_time, score_of
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.repository.contract import MetadataRepository, Within, check_limit

MAX_PAGE = 100
"""Tables of one page: the results of each are looked up."""


class QualityReader:
    """Reads the quality of one tenant's sources."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def page(
        self, source_id: str, *, table: str | None = None, limit: int = MAX_PAGE, cursor: str | None = None, as_of: datetime | None = None
    ) -> QualityPage:
        """Return the source itself and its scored tables by name, as they are or were at a moment; ``table`` is a pattern.

        Raises :class:`NotFound` where nothing is scored, or nothing that is scored is like ``table``.
        """
        limit = min(check_limit(limit), MAX_PAGE)
        latest = self._repository.latest_many(Within(source_id), "quality_score", producer_id=PRODUCER_ID, tenant=self._tenant, as_of=as_of)
        scored = {_place(target): stored for target, stored in latest.items() if stored.record.payload is not None and not target.extras}
        after = _parse_cursor(cursor)
        if not scored:
            raise NotFound(
                f"Nothing is known of the quality of {source_id!r}",
                fix="`factbook quality run` judges and scores a source",
                field="source_id",
            )
        meant = sorted(place for place in scored if table is None or is_like(*place, table))
        if table is not None and not meant:
            raise no_table_like(source_id, [table], why="of its tables none that is scored has such a name")
        wanted = [place for place in meant if after is None or place > after]
        page = wanted[:limit]
        facts = Facts(self._repository, source_id, MetadataContext(tenant=self._tenant))
        until = None if as_of is None else just_after(as_of)
        scores = {place: msgspec.convert(scored[place].record.payload, QualityScore) for place in page}
        results = facts.last_results({_name(place): score.rules if any(place) else None for place, score in scores.items()}, until=until)
        promises = facts.promises([_name(place) for place in page], until=until)
        items = [
            TableQuality(
                place[0] or None,
                place[1] or None,
                score,
                scored[place].record.produced_at,
                results[_name(place)],
                promises[_name(place)],
            )
            for place, score in scores.items()
        ]
        following = msgspec.json.encode(page[-1]).hex() if len(wanted) > limit else None
        return QualityPage(source_id, as_of, items, following)

    def over_time(self, source_id: str, name: TableName, *, as_of: datetime | None = None) -> QualityOverTime:
        """Return what is known of the quality of one table, now or up to a moment; nothing is no error."""
        return quality_over_time(self._repository, source_id, name, tenant=self._tenant, as_of=as_of)

    def score(self, source_id: str, name: TableName, *, as_of: datetime | None = None) -> QualityScore | None:
        """Return the score of one table, if it was judged."""
        return score_of(self._repository, source_id, name, tenant=self._tenant, as_of=as_of)

    def known_anomalies(self, source_id: str, name: TableName, *, as_of: datetime | None = None) -> list[FoundAnomaly]:
        """Return the anomalies of one table that quality runs found, newest first."""
        return anomalies_of(self._repository, source_id, name, tenant=self._tenant, as_of=as_of)

    def failing(self, kinds: Sequence[str] = READS, *, as_of: datetime | None = None) -> FailingChecks:
        """Return what does not hold by its last word within a week: rules, promises, reconciliations, as far as ``kinds`` names them."""
        return failing(self._repository, kinds, tenant=self._tenant, until=just_after(as_of or datetime.now(UTC)))

    def board(self, registered: Sequence[str], *, as_of: datetime | None = None) -> QualityBoard:
        """Return every source that is registered or was scored, those first that need somebody most."""
        return board(self._repository, registered, tenant=self._tenant, as_of=as_of)

    def source(self, source_id: str, *, as_of: datetime | None = None) -> SourceQuality:
        """Return one source as the board has it."""
        return board_of(self._repository, source_id, tenant=self._tenant, as_of=as_of)

    def rule(
        self, target: MetadataTarget, rule: str, *, limit: int = MAX_PAGE, cursor: str | None = None, as_of: datetime | None = None
    ) -> RulePage:
        """Return what a rule said of a target through time; raises :class:`NotFound` for one that never said anything."""
        found = rule_page(self._repository, target, rule, tenant=self._tenant, limit=limit, cursor=cursor, as_of=as_of)
        if not found.items and cursor is None:
            raise NotFound(f"No result of a rule {rule!r} is known of {target}" + (" by then" if as_of else ""), field="rule")
        return found

    def reconciliations(self, source_id: str | None = None, *, as_of: datetime | None = None) -> list[Reconciliation]:
        """Return the last result of each reconciliation of a source, or of all, those that did not pass first."""
        return reconciliations(self._repository, source_id, tenant=self._tenant, as_of=as_of)

    def anomalies(
        self,
        source_id: str,
        *,
        table: str | None = None,
        options: Options = Options(),  # noqa: B008 - frozen
        limit: int = MAX_PAGE,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> AnomalyPage:
        """Judge what was measured up to now, or to a moment, against its own history; nothing is stored.

        Raises :class:`NotFound` where nothing was measured, or nothing like ``table``.
        """
        until = None if as_of is None else just_after(as_of)
        histories = read_histories(self._repository, Within(source_id), tenant=self._tenant, until=until, table=table)
        if not histories.points and table is None:
            raise NotFound(
                f"Nothing was measured of {source_id!r} over time", fix="Profile it, or emit ingestion_volume facts", field="source_id"
            )
        if not histories.points and histories.is_complete and table is not None:
            raise no_table_like(source_id, [table], why="of its tables none that was measured over time has such a name")
        findings = look(histories, options)
        found = [
            FoundAnomaly(
                judged.point.at, finding.series.target.schema, finding.series.target.table, anomaly_of(finding.series, judged, options)
            )
            for finding in findings
            for judged in finding.anomalies
        ]
        found.sort(key=lambda one: (-one.at.timestamp(), one.schema or "", one.table or "", one.anomaly.metric, one.anomaly.column or ""))
        start = _parse_start(cursor)
        page = found[start : start + check_limit(limit)]
        return AnomalyPage(
            source_id,
            page,
            len(findings),
            sum(finding.is_silent for finding in findings),
            options.minimum_points + 1,
            histories.is_complete,
            str(start + len(page)) if start + len(page) < len(found) else None,
        )


def _place(target: MetadataTarget) -> tuple[str, str]:
    return target.schema or "", target.table or ""


def _name(place: tuple[str, str]) -> TableName | None:
    return TableName(*place) if any(place) else None


def _parse_cursor(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(bytes.fromhex(cursor), type=tuple[str, str])
    except (ValueError, msgspec.MsgspecError) as error:
        raise _no_cursor(cursor) from error


def _parse_start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise _no_cursor(cursor)
    return int(cursor)


def _no_cursor(cursor: str) -> InvalidRequest:
    return InvalidRequest(
        f"{cursor[:100]!r} is no cursor of this list", fix="Pass next_cursor of the page before, unchanged", field="cursor"
    )
