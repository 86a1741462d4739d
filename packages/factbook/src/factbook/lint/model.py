"""What a lint answers: findings, the share that is documented, and how that was at an earlier moment."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The worst first."""


class Rule(msgspec.Struct, frozen=True):
    """A rule with the severity it has unless the rules file says otherwise."""

    name: str
    severity: Severity
    help: str


RULES: tuple[Rule, ...] = (
    Rule("key", "error", "A table has a primary key, a unique constraint or a unique index"),
    Rule("table_description", "warning", "A table or view is described, by a comment or by a note"),
    Rule("column_description", "warning", "A column is described, by a comment or by a note"),
    Rule("name_pattern", "warning", "A name fits the pattern for its type of object; unless one is given, it holds no blanks"),
    Rule("name_case", "warning", "A name is written in the case that most names of its schema are written in"),
    Rule("name_reserved", "warning", "A name is no reserved word of SQL"),
    Rule("table_owner", "info", "Somebody is noted as the owner of a table; the database's role is not an owner"),
    Rule("column_type", "info", "Columns of one name have one type everywhere in the source"),
    Rule("reference", "info", "A column called like a table and _id has a foreign key to it"),
    Rule("relations", "info", "A table refers to another, or another refers to it"),
    Rule("classification", "info", "A column that is called like personal or secret data is classified"),
)

_RANKS = {rule.name: rank for rank, rule in enumerate(RULES)}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to mend, with what to do about it in ``message``."""

    rule: str
    severity: Severity
    schema: str
    table: str
    message: str
    column: str | None = None

    @property
    def place(self) -> str:
        return ".".join(part for part in (self.schema, self.table, self.column) if part is not None)

    @property
    def order(self) -> tuple[int, int, str, str, str, str]:
        """The worst first, then by rule, place, and what to do."""
        return SEVERITIES.index(self.severity), _RANKS[self.rule], self.schema, self.table, self.column or "", self.message


class OnlyFindings(msgspec.Struct, frozen=True):
    """Which findings are shown; ``None`` is any."""

    severity: Severity | None = None
    rule: str | None = None
    schema: str | None = None

    def has(self, finding: Finding) -> bool:
        """Return whether a finding is shown."""
        return self.severity in (None, finding.severity) and self.rule in (None, finding.rule) and self.schema in (None, finding.schema)


class Documented(msgspec.Struct, frozen=True):
    """How many of how many are documented."""

    documented: int
    total: int

    @property
    def share(self) -> float:
        """Return the share; of nothing, all is documented."""
        return self.documented / self.total if self.total else 1.0


class Coverage(msgspec.Struct, frozen=True):
    """The documentation of a schema, or with ``schema`` null of the whole source. ``share`` is of tables and columns together."""

    schema: str | None
    tables: Documented
    columns: Documented
    owners: Documented
    share: float


class Ignored(msgspec.Struct, frozen=True):
    """An entry of the ignore list: how many findings it took away. One of zero is out of date."""

    reason: str
    count: int


class LintReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the worst first. ``counts`` are by severity; ``coverage`` is of the source and then of each schema, by name.

    ``since_coverage`` is the source's coverage at the moment ``since``, judged by the same rules.
    """

    source_id: str
    findings: list[Finding]
    counts: dict[Severity, int]
    coverage: list[Coverage]
    as_of: datetime | None = None
    since: datetime | None = None
    since_coverage: Coverage | None = None
    ignored: list[Ignored] = []


class LintPage(msgspec.Struct, frozen=True, kw_only=True):
    """A report with some of its findings. ``next_cursor`` continues; ``None`` says that there are no more."""

    source_id: str
    share: float
    counts: dict[Severity, int]
    coverage: list[Coverage]
    items: list[Finding]
    next_cursor: str | None
    as_of: datetime | None = None
    since: datetime | None = None
    since_coverage: Coverage | None = None
    ignored: list[Ignored] = []

    def failures(self, least_share: float | None, worst: Severity | None) -> list[str]:
        """Return in words why the source does not pass: less documented than ``least_share``, or a finding as bad as ``worst``."""
        found = []
        if least_share is not None and self.share < least_share:
            found.append(f"{self.share:.1%} is documented, and {least_share:.1%} is asked for")
        if worst is not None:
            number = sum(self.counts[severity] for severity in SEVERITIES[: SEVERITIES.index(worst) + 1])
            if number:
                found.append(f"{number:,} of severity {worst}{'' if worst == 'error' else ' or worse'}")
        return found
