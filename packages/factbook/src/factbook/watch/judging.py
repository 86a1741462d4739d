"""What a fact means for the alerts of its target: a fact, those before it and a rule in, a finding out. Pure.

Nothing is remembered here, so a crash forgets nothing, and the same facts twice say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b
from itertools import takewhile

import msgspec

from factbook.watch.rules import SCALES, Rule, Window
from factbook.watch.templates import MAX_MESSAGE, MAX_TITLE, fill, value_at_or_none
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.alert import Alert
from factbook_sdk.facts.record import MAX_NAME_LENGTH
from factbook_sdk.repository.filters import matches


class Standing(StrEnum):
    """How a fact stands to a rule. ``silent``: it says nothing, neither that all is well nor that it is not."""

    BAD = "bad"
    GOOD = "good"
    SILENT = "silent"


class Finding(msgspec.Struct, frozen=True):
    """What a rule says: an alert in a stream of its own. ``is_news``: it is told though the alert fires already."""

    producer_id: str
    target: MetadataTarget
    alert: Alert
    is_news: bool = False


def standing(rule: Rule, fact: MetadataRecord) -> Standing:
    """Return how a fact stands to a rule that covers it."""
    if fact.payload is None or not matches(fact, rule.picks):
        return Standing.SILENT
    is_excused = any(matches(fact, [condition]) for condition in rule.excused)
    if not is_excused and matches(fact, rule.bad) and all(_reaches(fact, path, level) for path, level in rule.at_least.items()):
        return Standing.BAD
    if rule.good and not matches(fact, rule.good):
        return Standing.SILENT
    return Standing.GOOD


def judge(rule: Rule, fact_id: str, fact: MetadataRecord, earlier: Sequence[MetadataRecord] = ()) -> Finding | None:
    """Return what a fact means by a rule that covers it, ``None`` if nothing.

    ``earlier`` are the facts of the same stream before it, newest first, as many as the rule's ``in_a_row``, ``for`` or window needs.
    """
    now = standing(rule, fact)
    if now is Standing.SILENT:
        return None
    said = [(before, how) for before in earlier if (how := standing(rule, before)) is not Standing.SILENT]
    if rule.window is not None:
        first = fact.produced_at - rule.window_length
        recent = [(fact, now), *((before, how) for before, how in said if before.produced_at > first)]
        value = _measure(rule.window, recent)
        known = {"count": str(len(recent)), "value": "-" if value is None else f"{value:.6g}"}
        return _finding(rule, fact_id, fact, known, fires=value is not None and _exceeds(rule.window, value))
    if now is Standing.GOOD:
        return _finding(rule, fact_id, fact, {}, fires=False)
    row = [fact, *(before for before, _ in takewhile(lambda item: item[1] is Standing.BAD, said))]
    if len(row) < rule.in_a_row or fact.produced_at - row[-1].produced_at < rule.duration:
        return None
    return _finding(rule, fact_id, fact, {"count": str(len(row))}, fires=True)


def stream_of(rule: Rule, fact: MetadataRecord) -> str:
    """Return the producer of a rule's alerts about a fact: each check has one, so that one that passes does not resolve another's."""
    name = ".".join(["watch", rule.name, *_labels(rule, fact).values()])
    if len(name) <= MAX_NAME_LENGTH:
        return name
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{name[: MAX_NAME_LENGTH - len(digest) - 1]}.{digest}"


def _finding(rule: Rule, fact_id: str, fact: MetadataRecord, known: dict[str, str], *, fires: bool) -> Finding | None:
    if not fires and rule.resolve == "never":
        return None
    target = rule.speaks_of(fact.target)
    known = {
        "target": str(target),
        "source": target.source_id,
        "schema": target.schema or "-",
        "table": target.table or "-",
        "kind": fact.kind,
        "rule": rule.name,
        "severity": rule.severity,
        "count": "-",
        "value": "-",
    } | known
    if fires:
        title, message = fill(rule.title, fact, known, limit=MAX_TITLE), fill(rule.message or "", fact, known, limit=MAX_MESSAGE)
    else:
        about = ", ".join(_labels(rule, fact).values())
        title, message = f"{target}: {about or rule.name} is well again"[:MAX_TITLE], ""
    details = {name: known[name] for name in ("count", "value") if known[name] != "-"} if rule.needs_history and fires else {}
    alert = Alert(
        rule.name,
        "firing" if fires else "resolved",
        rule.severity,
        title or rule.name,
        message=message or None,
        causes=[fact_id],
        labels=_labels(rule, fact),
        details=dict(details),
    )
    return Finding(stream_of(rule, fact), target, alert, is_news=rule.each and fires)


def _labels(rule: Rule, fact: MetadataRecord) -> dict[str, str]:
    return {path.rpartition(".")[2]: str(value_at_or_none(fact, path) or "-") for path in rule.per}


def _measure(window: Window, recent: Sequence[tuple[MetadataRecord, Standing]]) -> float | None:
    """Return the figure of a window, ``None`` where there are too few facts for it."""
    if len(recent) < window.at_least:
        return None
    bad = [fact for fact, how in recent if how is Standing.BAD]
    if window.measure in ("share", "count"):
        return len(bad) / len(recent) if window.measure == "share" else float(len(bad))
    found = [value_at_or_none(fact, window.path or "") for fact in bad]
    numbers = [float(value) for value in found if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < window.at_least:
        return None
    return {"mean": sum(numbers) / len(numbers), "max": max(numbers), "min": min(numbers)}[window.measure]


def _exceeds(window: Window, value: float) -> bool:
    return value > window.above if window.above is not None else value < (window.below or 0.0)


def _reaches(fact: MetadataRecord, path: str, level: str) -> bool:
    found = value_at_or_none(fact, path)
    return any(level in scale and found in scale and scale.index(found) >= scale.index(level) for scale in SCALES)
