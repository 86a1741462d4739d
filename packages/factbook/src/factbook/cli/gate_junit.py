"""A gate's answer as a JUnit report: one test case per change that counts, or one that passes where none does.

The form is what Jenkins, GitLab and Azure read: attributes and order of elements as in https://github.com/windyroad/JUnit-Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from factbook.cli.gate_words import headline, hits, renames, span, unknowns, where

if TYPE_CHECKING:
    from factbook.diff.gate_model import GateChange, GateResult

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_HITS = 200


def report(result: GateResult) -> str:
    """Return the report on what was judged."""
    cases = [_failed(result.source_id, change) for change in result.changes] or [
        f'    <testcase classname={_attribute(result.source_id)} name="nothing {result.fail_on}" time="0"/>'
    ]
    properties = {
        "from": result.before.moment.isoformat(),
        "to": result.after.moment.isoformat(),
        "fail_on": result.fail_on,
        "breaks": result.breaks,
        "failing": str(result.failing),
        "accepted": str(result.accepted),
        "ignored": str(result.ignored),
    }
    told = [headline(result), f"from {span(result)}"]
    told += [f"{what} {name}: {why}" for what, name, why in list(hits(result.impact))[:_MAX_HITS]]
    told += [f"perhaps renamed: {line}" for line in renames(result)]
    told += [*unknowns(result.impact), *result.notes] if result.changes else result.notes
    moment = result.after.moment.strftime("%Y-%m-%dT%H:%M:%S")
    return _suite(result.source_id, moment, cases, properties, told, failures=len(result.changes))


def could_not_judge(source_id: str, why: str) -> str:
    """Return the report where nothing could be judged: one test case with an error, so that nobody takes it for a pass."""
    case = f'    <testcase classname={_attribute(source_id)} name="gate" time="0">\n' + _outcome("error", why, "CannotJudge", "")
    return _suite(source_id, "1970-01-01T00:00:00", [case], {}, [], errors=1)


def _failed(source_id: str, change: GateChange) -> str:
    table = ".".join(part for part in (source_id, change.schema, change.table) if part is not None)
    body = f"{change.severity}, breaks {' and '.join(change.breaks) or 'nobody'}; accept it by {change.id}"
    start = f'    <testcase classname={_attribute(table)} name={_attribute(f"{where(change)} {change.rule}")} time="0">\n'
    return start + _outcome("failure", change.reason or "", change.rule or "", body)


def _outcome(element: str, message: str, kind: str, body: str) -> str:
    return f"      <{element} message={_attribute(message)} type={_attribute(kind)}>{_text(body)}</{element}>\n    </testcase>"


def _suite(
    source_id: str,
    moment: str,
    cases: list[str],
    properties: dict[str, str],
    told: Iterable[str],
    *,
    failures: int = 0,
    errors: int = 0,
) -> str:
    named = "".join(f"      <property name={_attribute(name)} value={_attribute(value)}/>\n" for name, value in properties.items())
    body = "\n".join(cases)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
        f'  <testsuite id="0" package="factbook" name={_attribute(f"factbook gate {source_id}")} timestamp="{moment}" hostname="localhost" '
        f'tests="{len(cases)}" failures="{failures}" errors="{errors}" time="0">\n'
        f"    <properties>\n{named}    </properties>\n{body}\n"
        f"    <system-out>{_text(chr(10).join(told))}</system-out>\n    <system-err></system-err>\n  </testsuite>\n</testsuites>\n"
    )


def _text(text: str) -> str:
    return escape(_sayable(text))


def _attribute(text: str) -> str:
    return quoteattr(_sayable(text))


def _sayable(text: str) -> str:
    """Write what XML cannot hold, even escaped, as people would."""
    return _NOT_IN_XML.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
