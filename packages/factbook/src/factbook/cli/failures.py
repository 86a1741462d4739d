"""How every error is shown: what failed, why, what to do. Loaded only when something went wrong.

For people the three parts are lines on stderr. With ``--json`` they are one JSON document on stderr,
``{"error": {"code", "what", "why", "fix", "field", "exit_code"}}``, and stdout stays empty.
"""

from __future__ import annotations

import os
import sys
import traceback

import msgspec
import typer

from factbook.cli.exit_codes import ExitCode, exit_code_of
from factbook.cli.terminal import err, note, printable
from factbook.errors import FactbookError
from factbook.log import redact_text

_WIDEST_WHY = 2000


class Shown(msgspec.Struct, frozen=True):
    """An error as it is shown."""

    code: str
    what: str
    why: str
    fix: str
    field: str | None
    exit_code: int


def settle(error: BaseException, *, as_json: bool, exit_code: ExitCode | None = None) -> int:
    """Show an error in the one shape, and return the exit code: that of its family, or the one that a verb has for all of them."""
    if _is_broken_pipe(error):
        return _fall_silent()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else ExitCode.BUG
    if _is_help(error):
        sys.stderr.write(f"{error}\n")
        return ExitCode.REQUEST
    shown = _describe(error)
    is_bug = shown.exit_code == ExitCode.BUG
    if exit_code is not None:
        shown = msgspec.structs.replace(shown, exit_code=exit_code)
    if as_json:
        sys.stderr.write(msgspec.json.encode({"error": shown}).decode() + "\n")
    else:
        _print(shown)
    if is_bug and os.environ.get("FACTBOOK_DEBUG"):
        sys.stderr.write(redact_text("".join(traceback.format_exception(error))))
    return shown.exit_code


def _describe(error: BaseException) -> Shown:
    if isinstance(error, FactbookError):
        what, why, fix = (redact_text(text) for text in (error.what, error.why[:_WIDEST_WHY], error.fix))
        return Shown(error.code, what, why, fix, error.field, exit_code_of(error))
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "factbook"
        return Shown("usage", redact_text(error.format_message().rstrip(".")), "", f"{path} --help", None, ExitCode.REQUEST)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Shown("interrupted", "Interrupted", "", "", None, ExitCode.INTERRUPTED)
    return Shown(
        "internal",
        f"Something broke inside Factbook ({type(error).__name__})",
        "this is a bug of ours, not a mistake of yours",
        "Run the same command with FACTBOOK_DEBUG=1 and report what it prints",
        None,
        ExitCode.BUG,
    )


def _print(shown: Shown) -> None:
    from rich.text import Text

    if shown.exit_code == ExitCode.INTERRUPTED and not shown.why:
        note(f"{shown.what}.", style="dim")
        return
    text = Text("error: ", style="bold red")
    text.append(printable(shown.what, keep_lines=True), style="bold")
    for name, part in (("why", shown.why), ("fix", shown.fix)):
        if part:
            text.append(f"\n  {name}: ", style="dim")
            text.append(printable(part, keep_lines=True).replace("\n", "\n       "))
    err().print(text)


def _is_help(error: BaseException) -> bool:
    """A group called without a verb answers with its help page, dressed as an error."""
    return isinstance(error, typer.TyperException) and error.format_message().startswith("Usage:")


def _is_broken_pipe(error: BaseException) -> bool:
    """Typer and Rich both turn a broken pipe into ``sys.exit(1)``; the pipe is then what that was raised from."""
    return isinstance(error, BrokenPipeError) or (isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError))


def _fall_silent() -> int:
    # The interpreter flushes stdout once more on its way out and would complain about the same pipe.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK
