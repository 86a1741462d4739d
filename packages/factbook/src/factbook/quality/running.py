"""One quality run: ask the source what the rules want to know, table by table, and store what they say.

The results of a table are stored together when the table is done, so a run that died goes on with the next one: what has a result of the
same run is not measured again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from factbook.errors import InvalidRequest
from factbook.quality import facts, promises, scoring
from factbook.quality.anomalies import Options
from factbook.quality.choosing import chosen_rules, is_about, is_chosen, match, no_table_like
from factbook.quality.compiling import Plan, Wanted, compile_table, query_of
from factbook.quality.dialects import prepare
from factbook.quality.judging import judge, judge_structure, result
from factbook.quality.measuring import Measured, Measuring
from factbook.quality.model import MAX_NOTED, OUTCOMES, Noted, NotedPromise, OnProgress, QualityRequest, QualityRun
from factbook.quality.rules.model import ForeignKey, Promise, RowCount, Rule, Sql
from factbook.quality.series import anomaly_of, look, read_all_histories
from factbook.sources.contract import Connector, TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository

_WORST_FIRST = ("failed", "error", "warned", "skipped", "passed")
_BATCH = 200


def run_quality(
    connect: Callable[[], Connector],
    repository: MetadataRepository,
    request: QualityRequest,
    *,
    on_progress: OnProgress = lambda done, total, name: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> QualityRun:
    """Judge the rules of a source, score its tables, check its promises and mark its anomalies; everything is stored as facts.

    ``connect`` is called only if there is something to ask. Raises :class:`InvalidRequest` where the source was never scanned, or no rule
    of the file is about it; an error of the source ends the run, and what was judged before stands.
    """
    run = _Run(repository, request)
    with ExitStack() as stack:
        if run.needs_source:
            run.open(stack.enter_context(connect().open_session()))
        for number, name in enumerate(run.tables):
            check_cancelled()
            on_progress(number, len(run.tables), str(name))
            run.judge_table(name)
        check_cancelled()
        run.judge_source()
    run.mark_anomalies()
    on_progress(len(run.tables), len(run.tables), "")
    return run.finish()


class _Run:
    def __init__(self, repository: MetadataRepository, request: QualityRequest) -> None:
        self.repository = repository
        self.request = request
        self.started_at = datetime.now(UTC)
        self._clock = time.monotonic()
        self._facts = facts.Facts(repository, request.source_id, request.context)
        self._rules = chosen_rules(request)
        self._promises = [] if request.rules is None or request.is_partial else self._promises_of(request.rules.promises)
        known = self._known = self._facts.table_names()
        self._by_table, self._source_rules, self._unmatched = match(self._rules, known, request.tables)
        wanted = self._by_table.keys() | {name for name in known if any(is_about(promise.table, name) for _, promise in self._promises)}
        if request.rules is None:
            wanted |= set(known)
        self.tables = sorted(name for name in wanted if is_chosen(name, request.tables))
        self._done = self._facts.results_of_run() if request.context.run_id else {}
        self.resumed = len({place for place in self._done if place is not None} & set(self.tables))
        self._measuring: Measuring | None = None
        self._session: Session | None = None
        self._outcomes: Counter[str] = Counter()
        self._noted: list[Noted] = []
        self._noted_promises: list[NotedPromise] = []
        self._scores: dict[tuple[str, str], QualityScore] = {}
        self._of_all_tables: list[QualityResult] = []
        self._snapshots: dict[TableName, SchemaSnapshot] = {}
        self._statistics: dict[TableName, dict[str, Any]] = {}
        self._statements = 0
        self._anomalies = 0
        self._histories_are_complete = True
        self._score: float | None = None
        self._score_reason: str | None = None
        if not known:
            raise InvalidRequest(
                f"{request.source_id} was never scanned",
                why="rules and scores are about tables that a scan has seen",
                fix=f"factbook scan {request.source_id}",
                field="source_id",
            )
        if not any(is_chosen(name, request.tables) for name in known):
            raise no_table_like(request.source_id, request.tables, why="the last scan saw none")

    def _promises_of(self, found: Sequence[Promise]) -> list[tuple[int, Promise]]:
        return [(number, promise) for number, promise in enumerate(found) if promise.is_about(self.request.source_id)]

    @property
    def ruleset(self) -> str:
        return self.request.rules.name if self.request.rules is not None else ""

    @property
    def needs_source(self) -> bool:
        """Whether anything is to be asked of the source."""
        return bool(self._rules or any(promises.rules_to_measure(promise, number) for number, promise in self._promises))

    def open(self, session: Session) -> None:
        """Take the session that statements go through."""
        prepare(session)
        budget = self.request.budget_seconds
        self._session = session
        self._measuring = Measuring(session, deadline=None if budget is None else self._clock + budget)

    def judge_table(self, name: TableName) -> None:
        """Judge the rules of a table, score it, and check what was promised of it; what another attempt of this run has done stands."""
        snapshot = self._snapshot(name)
        rules = self._by_table.get(name, [])
        done = self._done.get(name, {})
        promised = [(number, promise) for number, promise in self._promises if is_about(promise.table, name)]
        if done and all(rule.id in done for rule in rules):
            promised = []
        extra = {number: promises.rules_to_measure(promise, number) for number, promise in promised}
        fresh = self._judge(
            name, snapshot, [*(rule for rule in rules if rule.id not in done), *(rule for own in extra.values() for rule in own)]
        )
        results = [done.get(rule.id) or fresh[rule.id] for rule in rules]
        self._note(results, name)
        self._of_all_tables += results
        score = self._score_table(name, snapshot, results)
        self._scores[name.schema, name.table] = score
        now = datetime.now(UTC)
        kept = [promises.check_promise(promise, results, [fresh[rule.id] for rule in extra[number]], now) for number, promise in promised]
        self._noted_promises += [NotedPromise(one, name.schema, name.table) for one in kept]
        score_told = None if self.request.keeps_scores else score
        self._facts.store(name, [fresh[rule.id] for rule in rules if rule.id not in done], score_told, kept)

    def judge_source(self) -> None:
        """Judge what is about the whole source: its own queries, rules that match nothing, its score and its promises."""
        done = self._done.get(None, {})
        own = [done.get(rule.id) or self._judge_query(rule) for rule in self._source_rules]
        own += [done.get(rule.id) or self._no_table(rule) for rule in self._unmatched]
        self._note(own, None)
        score, kept = None, []
        if not self.request.is_partial and not self.request.tables:
            if not self.request.keeps_scores:
                score = scoring.score_source(self._scores)
                self._score, self._score_reason = score.score, score.reason
            results, now = [*self._of_all_tables, *own], datetime.now(UTC)
            kept = [promises.check_promise(promise, results, [], now) for _, promise in self._promises if promise.table is None]
            kept += [promises.unknown(promise) for _, promise in self._promises if self._matches_nothing(promise)]
        self._noted_promises += [NotedPromise(one) for one in kept]
        self._facts.store(None, [found for found in own if found.rule not in done], score, kept)

    def _matches_nothing(self, promise: Promise) -> bool:
        return promise.table is not None and not any(is_about(promise.table, name) for name in self.tables)

    def mark_anomalies(self) -> None:
        """Store what does not fit its history, each anomaly once."""
        options, source_id = Options(), self.request.source_id
        for histories in read_all_histories(self.repository, source_id, self._known, tenant=self.request.context.tenant):
            found = [
                (finding.series.target, judged.point.at, anomaly_of(finding.series, judged, options))
                for finding in look(histories, options)
                for judged in finding.anomalies
            ]
            self._anomalies += self._facts.store_anomalies(found)
            self._histories_are_complete = self._histories_are_complete and histories.is_complete

    def finish(self) -> QualityRun:
        """Return what the run found."""
        worst = sorted(
            (noted for noted in self._noted if noted.result.outcome != "passed"),
            key=lambda noted: (_WORST_FIRST.index(noted.result.outcome), noted.schema or "", noted.table or "", noted.result.rule),
        )
        return QualityRun(
            source_id=self.request.source_id,
            ruleset=self.ruleset or None,
            started_at=self.started_at,
            duration_seconds=round(time.monotonic() - self._clock, 6),
            tables=len(self.tables),
            statements=self._statements,
            outcomes={outcome: self._outcomes[outcome] for outcome in OUTCOMES},
            noted=worst[:MAX_NOTED],
            promises=self._noted_promises[:MAX_NOTED],
            anomalies=self._anomalies,
            score=self._score,
            score_reason=self._score_reason,
            resumed_tables=self.resumed,
            histories_are_complete=self._histories_are_complete,
        )

    def _judge(self, name: TableName, snapshot: SchemaSnapshot, rules: Sequence[Rule]) -> dict[str, QualityResult]:
        """Return a result for each rule, by id."""
        found: dict[str, QualityResult] = {}
        asked: list[Rule] = []
        for rule in rules:
            known = self._refused(rule) or judge_structure(rule, snapshot, self.ruleset)
            if known is not None:
                found[rule.id] = known
            else:
                asked.append(rule)
        if not asked or self._measuring is None or self._session is None:
            return found
        if self._measuring.is_over:
            return found | {rule.id: self._out_of_budget(rule) for rule in asked}
        now = datetime.now(UTC)
        plan = compile_table(self._session, name, snapshot, asked, now)
        measured = self._measuring.measure(plan, _names(name, snapshot, asked))
        self._statements += measured.statements
        previous = self._facts.previous_rows(
            name, [rule.id for rule in asked if isinstance(rule.check, RowCount) and rule.check.change is not None]
        )
        for rule in asked:
            found[rule.id] = judge(
                rule,
                plan.wanted.get(rule.id),
                measured,
                now_epoch=now.timestamp(),
                unfit=plan.unfit,
                previous_rows=previous.get(rule.id),
                ruleset=self.ruleset,
            )
        return found

    def _refused(self, rule: Rule) -> QualityResult | None:
        if rule.has_sql and not self.request.allows_sql:
            is_contract = self.request.keeps_scores
            reason = "SQL of a contract is run with --allow-sql alone" if is_contract else "its SQL came over HTTP, where none is taken"
            return result(rule, "skipped", reason=reason, ruleset=self.ruleset)
        return None

    def _out_of_budget(self, rule: Rule) -> QualityResult:
        reason = f"the budget of {self.request.budget_seconds:g} s was used up before its turn"
        return result(rule, "skipped", reason=reason, ruleset=self.ruleset)

    def _judge_query(self, rule: Rule) -> QualityResult:
        """Return the result of a rule about the source: a query of its own, or what nobody can judge."""
        known = self._refused(rule) or judge_structure(rule, SchemaSnapshot("table", []), self.ruleset)
        if known is not None or self._measuring is None or not isinstance(rule.check, Sql):
            return known or result(rule, "error", reason="nothing was measured", ruleset=self.ruleset)
        if self._measuring.is_over:
            return self._out_of_budget(rule)
        piece, part = query_of(rule.check.query.strip().rstrip(";"), is_number=rule.check.is_number)
        wanted = Wanted(**{part: rule.id})
        plan = Plan("", {rule.id: wanted}, {}, {rule.id: (piece, (rule.id,))}, {})
        measured: Measured = self._measuring.measure(plan)
        self._statements += measured.statements
        return judge(rule, wanted, measured, now_epoch=0.0, unfit={}, previous_rows=None, ruleset=self.ruleset)

    def _no_table(self, rule: Rule) -> QualityResult:
        reason = f"no table matches {rule.table!r}, as the source was scanned last"
        return result(rule, "error", reason=reason, ruleset=self.ruleset)

    def _score_table(self, name: TableName, snapshot: SchemaSnapshot, own: Sequence[QualityResult]) -> QualityScore:
        results = list(own)
        in_force = {found.rule for found in own}
        if self.request.is_partial and self.request.rules is not None:
            rules = {rule.id for rule in self.request.rules.rules if rule.is_about(self.request.source_id) and is_about(rule.table, name)}
            results += [found.result for found in self._facts.last_results({name: rules - in_force})[name]]
            in_force |= rules
        statistics = self._statistics_of(name)
        parts = scoring.parts_of_statistics(statistics, snapshot) if statistics else []
        return scoring.score_table([column.name for column in snapshot.columns], in_force, results, parts)

    def _note(self, results: Sequence[QualityResult], name: TableName | None) -> None:
        self._outcomes.update(found.outcome for found in results)
        where: Mapping[str, str] = {} if name is None else {"schema": name.schema, "table": name.table}
        self._noted += [Noted(found, **where) for found in results if found.outcome != "passed"]

    def _snapshot(self, name: TableName) -> SchemaSnapshot:
        self._load(name)
        return self._snapshots[name]

    def _statistics_of(self, name: TableName) -> dict[str, Any] | None:
        self._load(name)
        return self._statistics.get(name)

    def _load(self, name: TableName) -> None:
        """Have the structures and statistics of the next tables at hand, in batches, so that memory stays level."""
        if name in self._snapshots:
            return
        start = self.tables.index(name)
        batch = self.tables[start : start + _BATCH]
        self._snapshots = self._facts.snapshots(batch)
        self._statistics = self._facts.statistics(batch)


def _names(name: TableName, snapshot: SchemaSnapshot, rules: Sequence[Rule]) -> set[str]:
    """Return the words an error of the engine may repeat: names, which are no data."""
    known = {name.schema, name.table, *(column.name for column in snapshot.columns)}
    for rule in rules:
        if isinstance(rule.check, ForeignKey):
            known |= {*(rule.check.table or "").split("."), *rule.check.their_columns}
    return known
