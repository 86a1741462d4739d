"""Shapes that text has: e-mail addresses, UUIDs, dates, numbers … as DuckDB expressions.

A pattern is a shape, not a truth: ``2023-02-31`` has the shape of a date. Where a check digit exists (IBAN, cards) it is computed.
Regular expressions stay within what RE2 and Python's ``re`` read alike; ``\\d`` is ASCII in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

CHECKED_ROWS = 20_000
"""Of a column with more rows so many are drawn; a share is then off by more than 0.7 points in one of twenty cases at most."""

_SEED = 1


class Pattern(msgspec.Struct, frozen=True):
    """One shape. ``rule`` says it to people, ``expression`` is what DuckDB evaluates of a text in the place of ``{}``."""

    name: str
    rule: str
    expression: str


class PatternCounts(msgspec.Struct, frozen=True):
    """How many of the ``checked`` values (nulls and empty texts are none) have each shape; shapes that no value has are left out.

    ``is_sample`` says that the values were drawn at random from more.
    """

    column: str
    checked: int
    counts: dict[str, int]
    is_sample: bool

    def shares(self) -> dict[str, float]:
        """Return each shape's share of what was checked."""
        return {name: count / self.checked for name, count in self.counts.items()} if self.checked else {}


def pattern_conditions(text: str) -> dict[str, str]:
    """Return a pattern's name -> a boolean DuckDB expression over the expression ``text`` (a ``VARCHAR`` that is not null)."""
    return {pattern.name: pattern.expression.replace("{}", text) for pattern in PATTERNS}


def counting(relation: str, columns: Sequence[str], *, rows: int, checked_rows: int = CHECKED_ROWS) -> str:
    """Return one DuckDB statement that counts the shapes in text columns of a relation of about ``rows`` rows.

    It yields one row per column, in order: number of values checked, then one count per pattern in the order of :data:`PATTERNS`. Each
    distinct value is looked at once. ``relation`` and ``columns`` come quoted.
    """
    drawn = _is_sample(rows, checked_rows)
    sample = f" USING SAMPLE reservoir({checked_rows} ROWS) REPEATABLE ({_SEED})" if drawn else ""
    counts = ", ".join(f"coalesce(sum(n) FILTER ({condition}), 0)::BIGINT" for condition in pattern_conditions("v").values())
    parts = [
        f"SELECT {place} AS place, coalesce(sum(n), 0)::BIGINT, {counts} FROM "
        f"(SELECT v, count(*) AS n FROM (SELECT {column} AS v FROM {relation}{sample}) WHERE v <> '' GROUP BY v)"
        for place, column in enumerate(columns)
    ]
    return f"SELECT * EXCLUDE place FROM ({' UNION ALL '.join(parts)}) ORDER BY place"


def counted(columns: Sequence[str], answer: Iterable[Sequence[Any]], *, rows: int, checked_rows: int = CHECKED_ROWS) -> list[PatternCounts]:
    """Return what the rows of :func:`counting` say, per column."""
    return [
        PatternCounts(
            column,
            checked,
            {pattern.name: count for pattern, count in zip(PATTERNS, counts, strict=True) if count},
            _is_sample(rows, checked_rows),
        )
        for column, (checked, *counts) in zip(columns, answer, strict=True)
    ]


def _is_sample(rows: int, checked_rows: int) -> bool:
    return rows > checked_rows


def _shaped(name: str, rule: str, regex: str, *, hint: str | None = None, longest: int | None = None) -> Pattern:
    """Return a pattern that one regular expression decides. ``hint`` is a text without which nothing matches, asked first because a
    search for a few bytes costs a tenth; ``longest`` bounds the length in characters."""
    conditions = [f"contains({{}}, '{hint}')"] if hint else []
    conditions += [f"length({{}}) <= {longest}"] if longest else []
    conditions.append(_matching(regex))
    return Pattern(name, rule, f"({' AND '.join(conditions)})")


def _matching(regex: str, text: str = "{}") -> str:
    # A brace pair stands for the text in an expression, so a regex must hold none; (?s) lets nothing depend on line ends.
    return f"regexp_full_match({text}, '{regex.replace(chr(39), chr(39) * 2)}', 's')"


_ATOM = r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7F\s])+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])"
_UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

_MORE_DIGITS = r"(?:[ ./-]{0,3}\(?[0-9]\)?)"
_PHONE = (
    rf"(?:(?:\+|00)[1-9]{_MORE_DIGITS}{{7,14}}|\(?0\)?[ ./-]?\(?[1-9]{_MORE_DIGITS}{{7,13}}"
    r"|(?:1[ .-])?(?:\([1-9][0-9]{2}\) ?|[1-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4})(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"
)

_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?:1[0-9]{3}|2[0-9]{3})"
_SHORT_MONTH, _SHORT_DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH_NAME = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_DATE = (
    rf"(?:{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}/{_SHORT_MONTH}/{_SHORT_DAY}|{_SHORT_DAY}\.{_SHORT_MONTH}\.{_YEAR}"
    rf"|{_SHORT_DAY}[/-]{_SHORT_MONTH}[/-]{_YEAR}|{_SHORT_MONTH}/{_SHORT_DAY}/{_YEAR}"
    rf"|{_SHORT_DAY}[ -]{_MONTH_NAME}[ -]{_YEAR}|{_MONTH_NAME} {_SHORT_DAY},? {_YEAR})"
)
_TIME = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.,][0-9]{1,9})?)?(?: ?[AaPp][Mm])?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?))?"
_TIMESTAMP = rf"{_DATE}[T ]{_TIME}{_ZONE}"

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_GROUP = r"[0-9A-Fa-f]{1,4}"
_IPV6 = (
    "(?:"
    + "|".join(
        [
            rf"(?:{_GROUP}:){{7}}{_GROUP}",
            *(rf"(?:{_GROUP}:){{{before}}}(?::{_GROUP}){{1,{7 - before}}}" for before in range(1, 7)),
            rf"(?:{_GROUP}:){{1,7}}:",
            rf":(?:(?::{_GROUP}){{1,7}}|:)",
            rf"(?:(?:{_GROUP}:){{6}}|::(?:[Ff]{{4}}:)?|(?:{_GROUP}:){{1,5}}:){_IPV4}",
        ]
    )
    + ")"
)
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+(?:[/?#]\S*)?"

_IBAN = r"[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)"
_CARD = r"[2-6](?:[0-9]{12,18}|[0-9]{3}(?:[ -][0-9]{4}){2,3}(?:[ -][0-9]{1,4})?|[0-9]{3}[ -][0-9]{6}[ -][0-9]{5})"
_HEX = r"(?:0[xX][0-9A-Fa-f]+|[0-9A-Fa-f]*(?:[0-9][A-Fa-f]|[A-Fa-f][0-9])[0-9A-Fa-f]*)"
_WORDS = (
    "true",
    "false",
    "t",
    "f",
    "yes",
    "no",
    "y",
    "n",
    "on",
    "off",
    "ja",
    "nein",
    "oui",
    "non",
    "vrai",
    "faux",
    "si",
    "sí",
    "tak",
    "nie",
)


# ISO 13616: the first four characters go to the end, letters count from 10, the number modulo 97 is 1. Folded character by character,
# and only where the shape is right.
_PACKED = "replace({}, ' ', '')"
_IBAN_CHECK = (
    f"CASE WHEN {_matching(_IBAN)} THEN list_reduce(list_transform("
    f"string_split(substr({_PACKED}, 5) || left({_PACKED}, 4), ''), "
    "lambda c: CASE WHEN c >= 'A' THEN ascii(c) - 55 ELSE ascii(c) - 48 END::INTEGER), "
    "lambda a, d: (a * (CASE WHEN d > 9 THEN 100 ELSE 10 END) + d) % 97) = 1 ELSE false END"
)
# ISO/IEC 7812: from the right every second digit counts double, less 9 where that is more than 9; the sum ends in 0.
_CARD_CHECK = (
    f"CASE WHEN {_matching(_CARD)} THEN list_sum(list_transform("
    "string_split(reverse(regexp_replace({}, '[ -]', '', 'g')), ''), "
    "lambda c, i: CASE WHEN i % 2 = 1 THEN c::INTEGER ELSE c::INTEGER * 2 - CASE WHEN c::INTEGER > 4 THEN 9 ELSE 0 END END)) % 10 = 0 "
    "ELSE false END"
)

PATTERNS: tuple[Pattern, ...] = (
    _shaped("email", "local part, @, and a domain with a dot; quoted local parts are none", _EMAIL, hint="@", longest=254),
    _shaped("uuid", "32 hexadecimal digits in groups of 8-4-4-4-12", _UUID, longest=36),
    _shaped(
        "phone",
        "8 to 15 digits after + or 00 (E.164), or 9 to 15 with a leading 0, or 3-3-4 with separators (North America); mere digits are none",
        _PHONE,
        longest=40,
    ),
    _shaped("date", "year, month and day as ISO 8601 has them, or with dots, slashes or the month's English name", _DATE, longest=30),
    _shaped("timestamp", "a date, then T or a space, then hours and minutes, seconds and zone if any", _TIMESTAMP, hint=":", longest=60),
    _shaped("integer", "digits, with a sign or without", r"[+-]?[0-9]+"),
    _shaped(
        "decimal",
        "digits with a decimal point or an exponent",
        r"[+-]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)",
    ),
    Pattern(
        "json",
        "an object or an array, read as leniently as DuckDB does: a trailing comma or NaN passes",
        "(regexp_matches({}, '^[ \\t\\r\\n]*[\\[{]') AND json_valid({}))",
    ),
    _shaped("url", "a scheme, ://, a host", _URL, hint="://"),
    _shaped("ipv4", "four numbers up to 255 with dots", _IPV4, longest=15),
    _shaped("ipv6", "groups of hexadecimal digits with colons (RFC 4291)", _IPV6, hint=":", longest=45),
    Pattern("iban", "country, check digits (modulo 97) and account, in one piece or in fours", f"({_IBAN_CHECK})"),
    Pattern(
        "credit_card",
        "13 to 19 digits from 2 to 6 on, in one piece or grouped, with a right check digit (Luhn)",
        f"({_CARD_CHECK})",
    ),
    Pattern(
        "hex",
        "8 or more hexadecimal digits, letters and digits among them, or any number after 0x",
        f"((length({{}}) >= 8 OR lower(left({{}}, 2)) = '0x') AND {_matching(_HEX)})",
    ),
    Pattern(
        "boolean",
        "true, yes, on and their opposites, in a few languages; digits are none",
        f"(lower({{}}) IN ({', '.join(repr(word) for word in _WORDS)}))",
    ),
)
"""All shapes. A value may have several: a card's number is an integer too."""
