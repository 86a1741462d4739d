"""File names for what may be called anything, the same for the same names, and apart where a file system does not tell ``A`` from ``a``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_. -]{0,98}[A-Za-z0-9_-])?\Z")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?\Z", re.IGNORECASE)
_MAX_STEM = 60


def file_names(names: Iterable[str], *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a file name, without an ending, for each name.

    A name of letters, digits, ``_``, ``-``, ``.`` and blanks is its own file name, unless Windows reserves it, ``taken`` holds it, or a
    name before it in order differs from it in case alone. Any other gets what is plain in it and eight hex digits of its digest.
    """
    used = {name.casefold() for name in taken}
    found: dict[str, str] = {}
    for name in sorted(set(names)):
        chosen = name if _is_plain(name) and name.casefold() not in used else _digested(name)
        found[name] = chosen
        used.add(chosen.casefold())
    return found


def _is_plain(name: str) -> bool:
    return _PLAIN.match(name) is not None and _RESERVED.match(name) is None


def _digested(name: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:_MAX_STEM]
    return f"{stem}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}".lstrip("-")
