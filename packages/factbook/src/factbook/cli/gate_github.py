"""A gate's answer for GitHub Actions: annotations as workflow commands, and a summary of the step in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from factbook.cli.gate_words import MAX_SHOWN, headline, hits, renames, span, unknowns, where
from factbook.cli.github import command
from factbook.cli.terminal import printable

if TYPE_CHECKING:
    from factbook.diff.gate_model import GateResult

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$@-])")


def commands(result: GateResult) -> Iterator[str]:
    """Yield one command a line: an error per change that counts, then what is hit and the answer itself."""
    for change in result.changes[:MAX_SHOWN]:
        breaks = f" (breaks {' and '.join(change.breaks)})" if change.breaks else ""
        yield command("error", f"{where(change)}: {change.rule}", f"{change.reason}{breaks}. Accept it by {change.id}")
    for what, name, why in list(hits(result.impact))[:MAX_SHOWN]:
        yield command("warning", f"Hit: {what} {name}", why)
    for line in unknowns(result.impact) if result.changes else ():
        yield command("notice", "Whom it hits", line)
    for line in renames(result):
        yield command("notice", "Perhaps renamed", line)
    yield command("notice" if result.passed else "error", f"factbook gate {result.source_id}", headline(result))


def summary(result: GateResult) -> str:
    """Return the summary of the step."""
    lines = [f"### {_plain(headline(result))}", "", f"from {_plain(span(result))}", ""]
    if result.changes:
        rows = [
            (change.severity, where(change), change.rule or "", ", ".join(change.breaks), change.reason or "", change.id)
            for change in result.changes[:MAX_SHOWN]
        ]
        lines += [*_table(("severity", "where", "rule", "breaks", "why", "id"), rows), ""]
        if result.failing > MAX_SHOWN:
            lines += [f"and {result.failing - MAX_SHOWN:,} more", ""]
        hit = list(hits(result.impact))[:MAX_SHOWN]
        lines += ["#### Whom it hits", "", *(_table(("what", "name", "why"), hit) if hit else ()), ""]
        lines += [line for text in unknowns(result.impact) for line in (text, "")]
    lines += [f"- {_plain(text)}" for text in (*(f"perhaps renamed: {line}" for line in renames(result)), *result.notes)]
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    ruled = [heads, ["---"] * len(heads)]
    return ["| " + " | ".join(cells) + " |" for cells in (*ruled, *([_plain(cell) for cell in row] for row in rows))]


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text))
