"""A rule held against the facts there are: what it looks at, and which of them it calls bad. Nothing is raised."""

from __future__ import annotations

from datetime import datetime

import msgspec

from factbook.watch.judging import Standing, standing
from factbook.watch.rules import Rule
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository


class Tried(msgspec.Struct, frozen=True):
    """A fact and how it stands to the rule."""

    at: datetime
    offset: int
    id: str
    target: MetadataTarget
    standing: Standing


class Trial(msgspec.Struct, frozen=True):
    """What a rule says of the newest facts of its kind. ``facts`` are those it is about, the newest first; ``others`` counts those that are
    not its business; ``is_all`` says that there are no older ones. Whether one bad fact is an alert depends on the rest of the rule."""

    facts: list[Tried]
    others: int
    is_all: bool

    @property
    def bad(self) -> int:
        return sum(tried.standing is Standing.BAD for tried in self.facts)

    @property
    def good(self) -> int:
        return sum(tried.standing is Standing.GOOD for tried in self.facts)


def try_rule(repository: MetadataRepository, rule: Rule, *, tenant: str, limit: int = 100) -> Trial:
    """Hold a rule against the newest facts of its kind."""
    page = repository.query(rule.kind, tenant=tenant, order="desc", limit=limit)
    facts = [
        Tried(item.record.produced_at, item.offset, item.id, item.record.target, standing(rule, item.record))
        for item in page.records
        if rule.covers(item.record)
    ]
    return Trial(facts, len(page.records) - len(facts), page.next_cursor is None)
