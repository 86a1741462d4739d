"""Read a rules file: YAML 1.2, strictly. What is wrong is refused with its place, and never quoted where it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import ConfigurationError, InvalidRequest
from factbook.watch.defaults import DEFAULTS
from factbook.watch.rules import OWN_PREFIX, SCALES, ChannelSpec, Rule, Rulebook, Window, parse_duration
from factbook.watch.templates import check_template
from factbook_sdk.repository.contract import MAX_LIMIT
from factbook_sdk.repository.filters import check_path, parse_condition

_NAME = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,99}", re.I)
_CHANNEL_NAME = re.compile(r"[a-z0-9][a-z0-9_\-]{0,39}", re.I)
_MAX_IN_A_ROW = 1000


def load(file: Path, *, tenant: str) -> Rulebook:
    """Read a rules file for the server's own tenant; raises :class:`ConfigurationError` naming the place in it and what is wrong there."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read", why=error.strerror or "", fix="Write its path to WATCH_RULES") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} cannot be read", why="it is no text in UTF-8", fix="Save it as UTF-8") from error
    return read(text, tenant=tenant, name=file.name)


def read(text: str, *, tenant: str, name: str = "the rules file") -> Rulebook:
    """Read the text of a rules file as :func:`load` does."""
    try:
        book = msgspec.convert(_parse(text, name) or {}, Rulebook)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise _wrong(name, path.rstrip("`").lstrip("."), message) from None
    return complete(book, tenant=tenant, name=name)


def complete(book: Rulebook, *, tenant: str, name: str = "the rules") -> Rulebook:
    """Check a book, add the rules that are there without a file, and give rules and channels their tenants."""
    _check(book, name)
    own = {rule.name for rule in book.rules}
    given = [rule for rule in DEFAULTS if rule.name not in own] if book.defaults else []
    rules = [rule if rule.tenants else msgspec.structs.replace(rule, tenants=[_literally(tenant)]) for rule in book.rules]
    channels = [spec if spec.tenant else msgspec.structs.replace(spec, tenant=tenant) for spec in book.channels]
    return msgspec.structs.replace(book, rules=[*given, *rules], channels=tuple(channels))


def _literally(name: str) -> str:
    """Return the pattern that a tenant's name alone matches."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _parse(text: str, name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        # The library's own message quotes the lines around the place, and a line may hold a secret.
        mark = error.problem_mark
        place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
        raise _wrong(name, place, f"it is no YAML ({type(error).__name__})", "Correct it there") from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise _wrong(name, "", f"it is no YAML ({type(error).__name__})", "Correct it") from None


def _check(book: Rulebook, name: str) -> None:
    for place in ("max_age", "group_wait"):
        _tried(name, place, parse_duration, getattr(book, place))
    for number, spec in enumerate(book.channels):
        _check_channel(spec, f"channels[{number}]", name)
    _check_unique([spec.name for spec in book.channels], "channels", name)
    for number, rule in enumerate(book.rules):
        _check_rule(rule, {spec.name for spec in book.channels}, f"rules[{number}]", name)
    _check_unique([rule.name for rule in book.rules], "rules", name)


def _check_channel(spec: ChannelSpec, place: str, name: str) -> None:
    if not _CHANNEL_NAME.fullmatch(spec.name):
        raise _wrong(name, f"{place}.name", "a channel's name has 1 to 40 letters, digits, dashes and underscores")
    _tried(name, f"{place}.give_up_after", parse_duration, spec.give_up_after)


def _check_rule(rule: Rule, channels: set[str], place: str, name: str) -> None:
    if not _NAME.fullmatch(rule.name) or rule.name.startswith(OWN_PREFIX):
        why = f"a rule's name has 1 to 100 letters, digits, dots, dashes and underscores, and does not begin with {OWN_PREFIX}"
        raise _wrong(name, f"{place}.name", why)
    if rule.kind == "alert":
        raise _wrong(name, f"{place}.kind", "an alert about alerts would be about itself", "Name the kind of the facts behind them")
    for field in ("where", "when", "unless", "resolve_when"):
        for index, text in enumerate(getattr(rule, field)):
            _tried(name, f"{place}.{field}[{index}]", parse_condition, text)
    for index, path in enumerate(rule.per):
        _tried(name, f"{place}.per[{index}]", check_path, path)
    for path, level in rule.at_least.items():
        _tried(name, f"{place}.at_least", check_path, path)
        if not any(level in scale for scale in SCALES):
            raise _wrong(name, f"{place}.at_least", f"{level!r} is no severity", f"Choose one of {', '.join(SCALES[0] + SCALES[1])}")
    if not 1 <= rule.in_a_row <= _MAX_IN_A_ROW:
        raise _wrong(name, f"{place}.in_a_row", f"it lies between 1 and {_MAX_IN_A_ROW:,}")
    _tried(name, f"{place}.for", parse_duration, rule.lasting)
    for field in ("title", "message"):
        _tried(name, f"{place}.{field}", check_template, getattr(rule, field) or "")
    for channel in rule.channels or ():
        if channel not in channels:
            raise _wrong(
                name, f"{place}.channels", f"there is no channel {channel!r}", f"There are {', '.join(sorted(channels)) or 'none'}"
            )
    _check_combinations(rule, place, name)
    if rule.window is not None:
        _check_window(rule.window, f"{place}.window", name)


def _check_combinations(rule: Rule, place: str, name: str) -> None:
    if rule.each and (rule.needs_history or rule.by == "source"):
        raise _wrong(name, f"{place}.each", "what tells each fact counts none", "Leave out in_a_row, for, window and by")
    if rule.window is not None and (rule.in_a_row > 1 or rule.duration):
        raise _wrong(name, f"{place}.window", "a window counts by itself", "Leave out in_a_row and for")
    if rule.resolve == "never" and rule.resolve_when:
        raise _wrong(name, f"{place}.resolve", "resolve_when says when it resolves", "Leave one of both out")
    if not (rule.when or rule.at_least or rule.window is not None):
        raise _wrong(name, f"{place}.when", "nothing says which facts are bad", "Write for example when: [payload.outcome = failed]")


def _check_window(window: Window, place: str, name: str) -> None:
    if not _tried(name, f"{place}.length", parse_duration, window.length):
        raise _wrong(name, f"{place}.length", "it is zero", "Write for example 5m")
    if (window.above is None) == (window.below is None):
        raise _wrong(name, place, "it takes either above or below", "Write for example above: 0.01")
    if (window.path is None) != (window.measure in ("share", "count")):
        raise _wrong(name, f"{place}.path", "mean, max and min need a path, share and count take none")
    if window.path is not None:
        _tried(name, f"{place}.path", check_path, window.path)
    if not 1 <= window.at_least <= MAX_LIMIT:
        raise _wrong(name, f"{place}.at_least", f"it lies between 1 and {MAX_LIMIT:,}")


def _check_unique(names: Sequence[str], place: str, name: str) -> None:
    for number, one in enumerate(names):
        if names.index(one) != number:
            raise _wrong(name, f"{place}[{number}].name", f"there are two of the name {one!r}", "Give each a name of its own")


def _tried(name: str, place: str, check: Any, value: Any) -> Any:
    try:
        return check(value)
    except (InvalidRequest, ValueError) as error:
        raise _wrong(name, place, str(error)) from None


def _wrong(name: str, place: str, why: str, fix: str = "") -> ConfigurationError:
    what = f"{name} is wrong at {place}" if place else f"{name} is wrong"
    return ConfigurationError(what, why=why, fix=fix or "`docs/how-to/get-alerts.md` shows every part", field=place or None)
