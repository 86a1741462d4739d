"""The shapes that text has, decided by Python: the proof of what DuckDB says by the same regular expressions."""

import json
import re

from factbook.profile.patterns import PATTERNS

WORDS = [
    *("true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"),
    *("ja", "nein", "oui", "non", "vrai", "faux", "si", "sí", "tak", "nie"),
]


def patterns_of(text):
    """Return the names of the shapes that a text has; for JSON by the standard's reading, which is stricter than DuckDB's."""
    return {pattern.name for pattern in PATTERNS if OWN.get(pattern.name, has_shape)(pattern, text)}


def has_shape(pattern, text):
    """Return whether a text is no longer than the pattern allows and matches its regular expression."""
    longest = re.search(r"length\(\{\}\) <= (\d+)", pattern.expression)
    if longest is not None and len(text) > int(longest[1]):
        return False
    regex = re.search(r"regexp_full_match\(\{\}, '((?:[^']|'')*)', 's'\)", pattern.expression)[1].replace("''", "'")
    return re.fullmatch(regex, text, re.ASCII) is not None


def is_json(_, text):
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def refuse(constant):
    raise ValueError(constant)


def is_iban(pattern, text):
    packed = text.replace(" ", "")
    return has_shape(pattern, text) and int("".join(str(int(c, 36)) for c in packed[4:] + packed[:4])) % 97 == 1


def is_card(pattern, text):
    if not has_shape(pattern, text):
        return False
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    return (sum(digits[::2]) + sum(digit * 2 - 9 * (digit > 4) for digit in digits[1::2])) % 10 == 0


def is_hex(pattern, text):
    return (len(text) >= 8 or text[:2] in ("0x", "0X")) and has_shape(pattern, text)


def is_boolean(_, text):
    return text.lower() in WORDS


OWN = {"json": is_json, "iban": is_iban, "credit_card": is_card, "hex": is_hex, "boolean": is_boolean}
