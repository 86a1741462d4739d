"""What people read of a command before they run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import GOLDEN, assert_golden
from typer.main import get_command

from factbook.cli.exit_codes import MEANINGS
from factbook.cli.main import app
from factbook.cli.options import MAX_LIMIT
from factbook_sdk.repository import contract


def _paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _paths(child, (*path, name))


PATHS = list(_paths(get_command(app)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(path) or "factbook")
def test_the_help_page_is_the_one_we_looked_at(path: tuple[str, ...], cli: Cli) -> None:
    answer = cli(*path, "--help")
    assert answer.code == 0
    assert answer.err == ""
    assert_golden(f"help/{'-'.join(path) or 'factbook'}.txt", answer.out)


def test_no_help_page_is_kept_of_a_verb_that_is_gone() -> None:
    assert {file.stem for file in (GOLDEN / "help").iterdir()} == {"-".join(path) or "factbook" for path in PATHS}


def test_the_verbs_promised_are_there() -> None:
    promised = {
        ("demo",), ("scan",), ("dictionary",), ("jobs",), ("job", "show"), ("job", "cancel"), ("job", "retry"),
        ("sources", "add"), ("sources", "list"), ("sources", "test"), ("sources", "remove"),
        ("records", "store"), ("records", "latest"), ("records", "history"), ("records", "query"), ("records", "tail"),
        ("kinds", "list"), ("kinds", "show"), ("kinds", "register"), ("kinds", "check"), ("kinds", "deprecate"),
        ("rebuild",), ("serve",), ("worker",), ("doctor",), ("compact",),
        ("retention", "show"), ("retention", "set"), ("retention", "plan"), ("retention", "apply"),
    }  # fmt: skip
    assert promised <= set(PATHS)


def test_every_verb_that_answers_answers_in_json() -> None:
    def options(path: tuple[str, ...]) -> set[str]:
        command: Any = get_command(app)
        for name in path:
            command = command.commands[name]
        return {option for parameter in command.params for option in parameter.opts} if not hasattr(command, "commands") else {"--json"}

    silent = {path for path in PATHS if path and "--json" not in options(path)}
    assert silent == {("demo",), ("serve",), ("worker",), ("mcp",)}


def test_option_names_are_lower_case() -> None:
    def commands(command: Any) -> Iterator[Any]:
        yield command
        for child in getattr(command, "commands", {}).values():
            yield from commands(child)

    # Typer used to take a metavar that equals the parameter's name for the option's name: --CURSOR.
    names = [option for command in commands(get_command(app)) for parameter in command.params for option in parameter.opts]
    assert [name for name in names if name.startswith("-") and name != name.lower()] == []


def test_a_group_without_a_verb_shows_its_help_and_ends_as_a_wrong_request(cli: Cli) -> None:
    answer = cli("records")
    assert answer.code == 2
    assert answer.err.startswith("Usage: factbook records ")


def test_the_help_page_holds_the_exit_codes(cli: Cli) -> None:
    page = cli("--help").out
    assert all(meaning in page for meaning in MEANINGS.values())


def test_the_limit_is_the_contracts() -> None:
    assert MAX_LIMIT == contract.MAX_LIMIT
