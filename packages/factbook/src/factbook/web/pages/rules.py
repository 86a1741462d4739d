"""``/ui/rules`` and ``/ui/rule/NAME``: which facts become alerts, and where these go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import AlertReader, asking
from factbook.api.parameters import House
from factbook.errors import ConfigurationError, NotFound
from factbook.relay import RelayStatus
from factbook.watch.alerts import OPEN
from factbook.watch.channels import Notice
from factbook.watch.defaults import DEFAULTS
from factbook.watch.delivery import follower_name
from factbook.watch.judgement import NAME as JUDGING
from factbook.watch.rules import ChannelSpec, Rule, Rulebook, Severity
from factbook.watch.trial import Trial, try_rule
from factbook.web.pages.sources import may_read
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part

if TYPE_CHECKING:
    from factbook.app import Factbook

router = Pages()

OPEN_ALERTS = 20


class Follower(msgspec.Struct, frozen=True):
    """How far a part of the watching is: ``lag`` is how many records it has not seen, ``is_served`` whether a process does it now."""

    lag: int
    is_served: bool
    last_error: str | None


class Channel(msgspec.Struct, frozen=True):
    """A way to people, without what it is reached by. ``follower`` is missing where nothing was ever brought."""

    name: str
    type: str
    severity: Severity
    states: tuple[str, ...]
    give_up_after: str
    follower: Follower | None


class RuleRow(msgspec.Struct, frozen=True):
    """A rule in short. ``is_given``: it comes with Factbook."""

    name: str
    kind: str
    severity: Severity
    is_given: bool
    channels: list[str]


class RulesPage(msgspec.Struct, frozen=True):
    """The rules in force for the tenant, and its channels. ``file`` is the rules file's name, if there is one; ``problem`` says why it
    cannot be read; ``watches`` whether this server watches, ``judging`` how far anybody does."""

    rules: list[RuleRow]
    channels: list[Channel]
    file: str | None
    problem: str | None
    watches: bool
    judging: Follower | None


class RulePage(msgspec.Struct, frozen=True):
    """A rule with all its parts, the alerts of it that are not over, and what it says of the newest facts; no trial where whoever asks may
    not read these."""

    row: RuleRow
    rule: Rule
    alerts: list[Notice]
    trial: Trial | None


@router.page("/rules")
def rules(request: Request, house: House, rooms: AlertReader) -> Response:
    """Show rules and channels."""
    followers = {status.name: _follower(status) for status in house.subscriptions.all() if status.is_watching}
    book, problem = _book(request, house)
    channels = _channels(book, rooms.tenant)
    content = RulesPage(
        rules=[_row(rule, channels) for rule in book.rules if rule.is_for(rooms.tenant)],
        channels=[
            Channel(spec.name, spec.type, spec.severity, spec.states, spec.give_up_after, followers.get(follower_name(spec.name)))
            for spec in channels
        ],
        file=house.settings.watch_rules.replace("\\", "/").rpartition("/")[2] or None,
        problem=problem,
        watches=house.settings.watches,
        judging=_judging(request, followers.get(JUDGING)),
    )
    return page(request, "rules.html", Page("Alert rules", [Crumb("Alerts", "/ui/alerts")]), content)


@router.page("/rule/{name}")
def rule(request: Request, house: House, rooms: AlertReader, name: Part) -> Response:
    """Show one rule, and hold it against the newest facts of its kind."""
    book, _ = _book(request, house)
    found = next((item for item in book.rules if item.name == name and item.is_for(rooms.tenant)), None)
    if found is None:
        raise NotFound(f"There is no rule {name!r}", fix="Alert rules lists those there are", field="name")
    content = RulePage(
        row=_row(found, _channels(book, rooms.tenant)),
        rule=found,
        alerts=rooms.alerts.page(limit=OPEN_ALERTS, states=OPEN, rule=name).items,
        trial=try_rule(rooms.records, found, tenant=rooms.tenant) if may_read(request, rooms.tenant, (found.kind,)) else None,
    )
    crumbs = [Crumb("Alerts", "/ui/alerts"), Crumb("Alert rules", "/ui/rules")]
    return page(request, "rule.html", Page(name, crumbs), content)


def _book(request: Request, house: Factbook) -> tuple[Rulebook, str | None]:
    """Return the rules in force, none where the file is wrong; then also why, to those who run the server."""
    try:
        return house.rulebook, None
    except ConfigurationError as error:
        told = str(error) if asking(request).principal.runs_the_server else "The rules file of the server cannot be used"
        return Rulebook(channels=()), told


def _judging(request: Request, found: Follower | None) -> Follower | None:
    """Return how far judging is; what keeps it, which may be of any tenant, is told to those who run the server."""
    runs = asking(request).principal.runs_the_server
    return found if found is None or runs else msgspec.structs.replace(found, last_error=None)


def _channels(book: Rulebook, tenant: str) -> list[ChannelSpec]:
    return [spec for spec in book.channels if spec.tenant == tenant]


def _row(rule: Rule, channels: list[ChannelSpec]) -> RuleRow:
    reached = [spec.name for spec in channels if rule.channels is None or spec.name in rule.channels]
    return RuleRow(rule.name, rule.kind, rule.severity, rule in DEFAULTS, reached)


def _follower(status: RelayStatus) -> Follower:
    return Follower(status.lag, status.served_by is not None, status.last_error)
