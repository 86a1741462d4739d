"""What a comparison has to say, as a migration is reviewed: table by table, before and after, how bad it is and for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from factbook.cli.documents import show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, out, printable, say, utc
from factbook.diff import Comparison, page_of
from factbook.diff.page import DiffPage
from factbook.diff.paths import split_path
from factbook.diff.storing import outcomes
from factbook.diff.words import changed_lines, value_words
from factbook_sdk.facts.kinds.catalog_diff import Change, Rename, State, Tally
from factbook_sdk.repository.contract import Stored

_SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": "~"}
_STYLES = {"added": "green", "removed": "red", "changed": "yellow", "renamed": "yellow"}
_SEVERITY_STYLES = {"breaking": "bold red", "risky": "yellow", "compatible": "green", "cosmetic": "dim"}
_MAX_DEFINITION_LINES = 12
_PLURALS = {"index": "indexes"}


class _Line(NamedTuple):
    """One change as it is shown: sign, what, from and to, how bad, why and for whom; and lines below it."""

    change: Change
    what: str
    values: str
    below: Sequence[str] = ()


def show(comparison: Comparison, *, stored: Sequence[Stored] | None, limit: int, as_json: bool) -> None:
    """Print the answer for people, or everything for programs."""
    if as_json:
        import msgspec

        page = page_of(comparison)
        show_json(page if stored is None else msgspec.structs.replace(page, stored=outcomes(stored)))
        return
    page = page_of(comparison, limit=limit)
    say(_headline(comparison), style="bold")
    if not comparison.judged:
        say("Nothing differs.", style="green")
    for title, changes in _by_table(page.changes):
        _show_table(title, changes, [rename for rename in page.renames if _title_of_rename(rename) == title])
    _show_table_renames([rename for rename in page.renames if rename.object == "table"])
    if page.next_cursor:
        say(f"… and {len(comparison.judged) - limit:,} more; --limit N, --table PATTERN, or --json for all")
    _show_unread(page)
    _show_summary(page)
    if stored is not None:
        note(", ".join(f"{number} {outcome}" for outcome, number in outcomes(stored).items()), style="dim")


def _headline(comparison: Comparison) -> str:
    return f"{comparison.source_id}: {_state(comparison.before)} -> {_state(comparison.after)}"


def _state(state: State) -> str:
    engine = f" ({state.engine})" if state.engine else ""
    if state.file:
        return f"{state.file}{engine}"
    where = f"{state.source_id} at " if state.source_id else ""
    run = f" {state.run_id}" if state.run_id else ""
    return f"{where}{utc(state.moment)}{run}{engine}"


def _by_table(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Yield the changes of each table together; tables whose worst change is worst come first, as the changes do."""
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(f"{change.schema}.{change.table}" if change.table else f"schema {change.schema}", []).append(change)
    yield from groups.items()


def _title_of_rename(rename: Rename) -> str | None:
    return f"{rename.schema}.{rename.table}" if rename.table else None


def _show_table(title: str, changes: Sequence[Change], renames: Sequence[Rename]) -> None:
    if len(changes) == 1 and not changes[0].path and changes[0].change != "changed":
        change = changes[0]
        words = value_words(change.before or change.after, "table")
        _print(change, f"{_SIGNS[change.change]} {title}", f"  {words}" if words else "")
        return
    say(title, style="bold")
    lines = [_line(change) for change in changes]
    width = max(len(line.what) for line in lines)
    for line in lines:
        _print(line.change, f"  {_SIGNS[line.change.change]} {line.what:<{width}}", f"  {line.values}", line.below)
    for rename in renames:
        say(f"  ? {rename.before} -> {rename.after} may be a rename, score {rename.score:.2f}{_evidence(rename)}", style="cyan")


def _line(change: Change) -> _Line:
    parts = split_path(change.path)
    kind = change.object or "table"
    if change.change in ("added", "removed"):
        name = parts[-1] if parts else ""
        return _Line(change, f"{kind} {name}", value_words(change.before if change.change == "removed" else change.after, kind))
    if change.change == "renamed":
        return _Line(change, f"{kind} {change.before or 'without a name'}", f"renamed to {change.after or 'nothing'}")
    inner = parts[1:] if kind in ("column", "constraint", "index") else parts
    what = f"{kind} {'.'.join(inner)}" if kind != "table" else ".".join(inner)
    if change.aspect == "definition":
        return _Line(change, what, "", _shortened(changed_lines(change.before, change.after)))
    return _Line(change, what, f"{value_words(change.before, kind)} -> {value_words(change.after, kind)}")


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _MAX_DEFINITION_LINES
    return lines[:_MAX_DEFINITION_LINES] + ([f"… and {count(more, 'more line')}"] if more > 0 else [])


def _print(change: Change, head: str, values: str, below: Sequence[str] = ()) -> None:
    """Print one change: its sign in the colour of what happened, its severity in the colour of how bad that is."""
    from rich.text import Text

    hit = f" for {' and '.join(change.breaks)}" if change.breaks and change.severity in ("breaking", "risky") else ""
    text = Text(printable(head), style=_STYLES[change.change])
    text.append(printable(values), style="default")
    text.append(f"  {change.severity}{hit}", style=_SEVERITY_STYLES[change.severity])
    if change.reason:
        text.append(f": {printable(change.reason)}", style="dim")
    console = out()
    console.print(text, soft_wrap=True)
    for line in below:
        say(f"      {line}", style="red" if line.startswith("-") else "green")


def _show_table_renames(renames: Sequence[Rename]) -> None:
    for rename in renames:
        after = f"{rename.after_schema or rename.schema}.{rename.after}"
        say(f"? {rename.schema}.{rename.before} -> {after} may be a rename, score {rename.score:.2f}{_evidence(rename)}", style="cyan")


def _evidence(rename: Rename) -> str:
    signs = ", ".join(f"{sign.sign} {sign.alike:.2f} x {sign.weight:.2f}" for sign in rename.evidence)
    return f"{' (ambiguous)' if rename.ambiguous else ''}: {signs}"


def _show_unread(page: DiffPage) -> None:
    if page.unread:
        say("Not read completely, so what changed there may be missing:", style="yellow")
        show_table(("side", "schema", "why"), [(item.side, item.schema, item.reason) for item in page.unread])


def _show_summary(page: DiffPage) -> None:
    said = "; ".join(f"{_PLURALS.get(kind, kind + 's')}: {_tally(tally)}" for kind, tally in page.summary.items() if _tally(tally))
    if said:
        say(said)
    if page.counts:
        say(", ".join(f"{number:,} {severity}" for severity, number in page.counts.items()), style="bold")


def _tally(tally: Tally) -> str:
    counted = {"added": tally.added, "removed": tally.removed, "modified": tally.modified, "unchanged": tally.unchanged}
    return ", ".join(f"{number:,} {what}" for what, number in counted.items() if number)
