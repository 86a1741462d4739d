"""Rules from a text or a file, whatever kind it is: ours, or a data contract."""

from __future__ import annotations

from pathlib import Path

from factbook.errors import InvalidRequest, NotFound
from factbook.quality.rules.model import RuleSet
from factbook.quality.rules.odcs import is_contract, read_contract
from factbook.quality.rules.reading import read_rules
from factbook.rulefiles import Mistake, Unreadable, parse

MAX_BYTES = 1_048_576
"""A run keeps its rules beside its job, so that another process can go on with it."""
_SHOWN = 20


def check_text(text: str, name: str) -> tuple[RuleSet, list[Mistake]]:
    """Return the rules of a text and everything that is wrong in it."""
    try:
        document = parse(text)
    except Unreadable as error:
        return RuleSet(name, "rules", []), [error.mistake]
    return read_contract(document, name) if is_contract(document.root) else read_rules(document, name)


def rules_of(text: str, name: str) -> RuleSet:
    """Return the rules of a text; raises :class:`InvalidRequest` naming every mistake."""
    rules, mistakes = check_text(text, name)
    if mistakes:
        more = f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else ""
        raise InvalidRequest(
            f"The rules in {name} cannot be used",
            why="; ".join(map(str, mistakes[:_SHOWN])) + more,
            fix="`factbook quality check FILE` lists the mistakes",
            field="rules",
        )
    return rules


def read_text(path: Path) -> str:
    """Return the text of a rules file; raises :class:`NotFound` or :class:`InvalidRequest`."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidRequest(
                f"{path} is too large for rules", why=f"it has {size:,} bytes; at most {MAX_BYTES:,} are taken", field="rules"
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}", fix="Check the path; it is taken from where the command runs", field="rules") from error
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read", why=error.strerror or type(error).__name__, field="rules") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is no text in UTF-8", field="rules") from error
