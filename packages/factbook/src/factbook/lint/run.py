"""One lint of a source: read its tables twice, once to know them all and once to judge each. It reads the log alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from factbook.errors import InvalidRequest
from factbook.lint.checks import Survey, judge
from factbook.lint.keeping import Kept
from factbook.lint.model import SEVERITIES, Coverage, Documented, Finding, Ignored, LintPage, LintReport, OnlyFindings, Severity
from factbook.lint.rules import LintRules, covering
from factbook.lint.tables import LintTable, read_tables
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import DEFAULT_LIMIT, MetadataRepository, check_limit

_OURS = LintRules()
_Tally = dict[str, Counter[str]]
"""By schema: how many tables, columns and owners there are and are documented."""


class Lint:
    """The lints of one tenant. With ``last_offset``, which tells where the log ends, reports by our own rules are kept while they hold."""

    def __init__(self, repository: MetadataRepository, *, tenant: str, last_offset: Callable[[], int] | None = None) -> None:
        self._repository = repository
        self._tenant = tenant
        self._kept = None if last_offset is None else Kept(repository, last_offset, tenant=tenant)

    def report(
        self, source_id: str, rules: LintRules = _OURS, *, as_of: datetime | None = None, since: datetime | None = None
    ) -> LintReport:
        """Judge a source as it is, or was at ``as_of``; with ``since`` also say what was documented then. Raises :class:`NotFound`."""

        def make() -> LintReport:
            return self._report(source_id, rules, as_of, since)

        return make() if self._kept is None or rules is not _OURS else self._kept.get((source_id, as_of, since), source_id, make)

    def _report(self, source_id: str, rules: LintRules, as_of: datetime | None, since: datetime | None) -> LintReport:
        shown = None if as_of is None else as_utc(as_of, "as_of")
        earlier = None if since is None else as_utc(since, "since")
        survey, coverage = self._survey(source_id, rules, shown)
        findings: list[Finding] = []
        ignored = dict.fromkeys(range(len(rules.ignore)), 0)
        places = {id(entry): number for number, entry in enumerate(rules.ignore)}
        for table in read_tables(self._repository, source_id, tenant=self._tenant, as_of=shown):
            for severity, (rule, column, message) in judge(table, survey, rules):
                finding = Finding(rule, severity, table.schema, table.table, message, column)
                entry = covering(rules, finding)
                if entry is None:
                    findings.append(finding)
                else:
                    ignored[places[id(entry)]] += 1
        findings.sort(key=lambda finding: finding.order)
        found = Counter(finding.severity for finding in findings)
        counts: dict[Severity, int] = {severity: found[severity] for severity in SEVERITIES}
        return LintReport(
            source_id=source_id,
            findings=findings,
            counts=counts,
            coverage=coverage,
            as_of=shown,
            since=earlier,
            since_coverage=self._survey(source_id, rules, earlier)[1][0] if earlier is not None else None,
            ignored=[Ignored(rules.ignore[number].reason, count) for number, count in ignored.items()],
        )

    def page(
        self,
        source_id: str,
        rules: LintRules = _OURS,
        *,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
        as_of: datetime | None = None,
        since: datetime | None = None,
        only: OnlyFindings = OnlyFindings(),  # noqa: B008 - frozen
    ) -> LintPage:
        """Return a report with some of its findings; raises :class:`InvalidRequest` for a limit or cursor that cannot be."""
        check_limit(limit)
        after = _parse_cursor(cursor) if cursor is not None else None
        report = self.report(source_id, rules, as_of=as_of, since=since)
        rest = [finding for finding in report.findings if only.has(finding) and (after is None or finding.order > after)]
        shown = rest[:limit]
        return LintPage(
            source_id=source_id,
            share=report.coverage[0].share,
            counts=report.counts,
            coverage=report.coverage,
            items=shown,
            next_cursor=msgspec.json.encode(shown[-1].order).hex() if len(rest) > limit else None,
            as_of=report.as_of,
            since=report.since,
            since_coverage=report.since_coverage,
            ignored=report.ignored,
        )

    def coverage(self, source_id: str) -> Coverage:
        """Return how much of a source is documented, without judging it; raises :class:`NotFound`."""
        return self._survey(source_id, _OURS, None)[1][0]

    def _survey(self, source_id: str, rules: LintRules, as_of: datetime | None) -> tuple[Survey, list[Coverage]]:
        survey = Survey()
        tally: _Tally = defaultdict(Counter)
        for table in read_tables(self._repository, source_id, tenant=self._tenant, as_of=as_of):
            survey.take(table)
            _count(table, rules, tally)
        survey.end()
        return survey, _coverages(tally)


def _count(table: LintTable, rules: LintRules, tally: _Tally) -> None:
    """Count what is documented; what the ignore list excuses is neither asked for nor counted."""
    found = tally[table.schema]

    def count(what: str, rule: str, column: str | None, is_documented: bool) -> None:
        if not any(entry.covers(rule, table.schema, table.table, column) for entry in rules.ignore):
            found[what] += 1
            found[f"documented {what}"] += is_documented

    count("tables", "table_description", None, table.is_described())
    count("owners", "table_owner", None, table.has_note("owner"))
    for column in table.snapshot.columns:
        count("columns", "column_description", column.name, table.is_described(column.name))


def _coverages(tally: _Tally) -> list[Coverage]:
    whole: Counter[str] = sum(tally.values(), Counter())
    return [_coverage(None, whole), *(_coverage(schema, tally[schema]) for schema in sorted(tally))]


def _coverage(schema: str | None, found: Counter[str]) -> Coverage:
    tables, columns, owners = (Documented(found[f"documented {what}"], found[what]) for what in ("tables", "columns", "owners"))
    both = Documented(tables.documented + columns.documented, tables.total + columns.total)
    return Coverage(schema, tables, columns, owners, both.share)


def _parse_cursor(cursor: str) -> tuple[Any, ...]:
    try:
        return msgspec.json.decode(bytes.fromhex(cursor), type=tuple[int, int, str, str, str, str])
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidRequest(
            "The cursor is not one of ours", fix="Use next_cursor of the page before, unchanged", field="cursor"
        ) from error
