"""What ``factbook gate`` was asked, and the one exit code it has for not being able to tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.failures import settle

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.diff.gate_model import GateRequest
    from factbook.settings import Settings

CHOICES = {"fail_on": "breaking, risky, compatible or cosmetic", "breaks": "readers, writers or any"}
FORMS = ("text", "github", "json")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@contextmanager
def two_if_it_cannot_tell(*, as_json: bool, junit: Path | None, source: str) -> Iterator[None]:
    """End with 2 for whatever goes wrong inside, and say so in the JUnit report: a gate that cannot tell must not look like a pass."""
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:
        if junit is not None:
            from factbook.cli.gate_junit import could_not_judge

            _write_if_possible(junit, could_not_judge(source, str(error)))
        raise typer.Exit(settle(error, as_json=as_json, exit_code=ExitCode.REQUEST)) from error


def _write_if_possible(path: Path, text: str) -> None:
    """Leave the report behind; where it cannot be written, the error that is shown says why nothing was judged all the same."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        return


def request(*, max_age: str | None, **asked: Any) -> GateRequest:
    """Return what is asked; raises :class:`InvalidRequest` naming the option."""
    import msgspec

    from factbook.diff.gate_model import GATE_NAMES, GateRequest
    from factbook.errors import InvalidRequest

    values = {GATE_NAMES.get(name, name): value for name, value in asked.items()}
    try:
        return msgspec.convert(values | {"max_age_seconds": _seconds(max_age)}, GateRequest)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        fix = f"Choose {CHOICES[field]}" if field in CHOICES else ""
        raise InvalidRequest(
            f"--{field.replace('_', '-')} is wrong" if field else "The request is wrong", why=message, fix=fix, field=field or None
        ) from error


def check_form(form: str) -> None:
    """Refuse a form that there is not."""
    from factbook.errors import InvalidRequest

    if form not in FORMS:
        raise InvalidRequest(f"There is no form {form!r}", fix=f"Choose {', '.join(FORMS)}", field="format")


def settings(rules: Path | None) -> Settings | None:
    """Return the settings with a file of rules of this call's own, or ``None`` for those of the environment."""
    from factbook.settings import load_settings

    return None if rules is None else load_settings(verdict_rules=rules)


def scan(factbook: Factbook, source: str, *, accept_removals: bool, ask_password: bool, quiet: bool) -> None:
    """Scan before judging; what the scan could not read is the gate's to say."""
    from factbook.cli.running_scan import run_scan

    run_scan(factbook, source, accept_removals=accept_removals, ask_password=ask_password, quiet=quiet)


def _seconds(text: str | None) -> float | None:
    from factbook.errors import InvalidRequest

    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None or not int(match[1]):
        raise InvalidRequest(f"{text!r} is no age", fix="Write for example 90s, 30m, 1h or 2d", field="max_age")
    return float(match[1]) * _UNITS[match[2]]
