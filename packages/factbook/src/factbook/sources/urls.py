"""Source URLs: their secrets, their references to the environment, and the name a source gets when nobody gives it one.

A password belongs into the registry or the environment, not into a URL that is shown, logged or kept. ``${NAME}`` in a URL stands
for an environment variable; it is replaced only when a connection is made, and is no secret itself.

Parsing is stricter than hiding. What may be a password with an unquoted ``@``, ``/`` or ``?`` is refused by :func:`split_password`, because
nobody can know where it ends, and :func:`redact` hides everything up to the last ``@``: rather too much than a piece of a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, unquote_plus

import msgspec

from factbook.errors import ConfigurationError, InvalidRequest

HIDDEN = "***"

_SCHEME = re.compile(r"[a-z][a-z0-9.+_-]*", re.I)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_KEY = re.compile(r"pass|pwd|secret|token|credential|signature|^sig$|api_?key|access_?key|private_?key|account_?key", re.I)
_SECRET_INSIDE = re.compile(r"(pass\w*|pwd|secret\w*|token\w*|\w*_?key)\s*=", re.I)
_FILE_SCHEMES = frozenset({"sqlite", "duckdb"})
_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}


class UrlParts(msgspec.Struct, frozen=True):
    """A URL cut at its seams, every part as written. ``userinfo`` is ``None`` where there is no ``@``."""

    scheme: str
    userinfo: str | None
    host: str
    path: str
    query: str

    @property
    def engine(self) -> str:
        """The scheme without its driver, aliases resolved."""
        return canonical_engine(self.scheme)

    @property
    def is_file(self) -> bool:
        return self.engine in _FILE_SCHEMES and not self.host and self.userinfo is None

    def __str__(self) -> str:
        userinfo = "" if self.userinfo is None else f"{self.userinfo}@"
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{userinfo}{self.host}{self.path}{query}"

    def __repr__(self) -> str:
        return f"UrlParts({redact(str(self))!r})"


def is_url(text: str) -> bool:
    """Return whether the text is meant as a URL rather than as a source's name."""
    return "://" in text or _REFERENCE.match(text) is not None


def scheme_of(url: str) -> str:
    """Return the URL's scheme in lower case; raises :class:`InvalidRequest` if it has none."""
    scheme, separator, _ = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise InvalidRequest(
            f"{redact(url)!r} is no URL of a database",
            why="it does not begin with a scheme",
            fix="Write for example postgresql://USER@HOST/DATABASE or sqlite:///PATH",
            field="url",
        )
    return scheme.lower()


def canonical_engine(scheme: str) -> str:
    """Return the engine a scheme names: ``postgres`` and ``postgresql+psycopg`` are ``postgresql``."""
    engine = scheme.lower().partition("+")[0]
    return "postgresql" if engine == "postgres" else engine


def split_url(url: str) -> UrlParts:
    """Cut a URL into its parts; raises :class:`InvalidRequest` where a password could end in more than one place."""
    scheme = scheme_of(url)
    rest = url[len(scheme) + 3 :]
    before_query, _, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    userinfo, at, host = authority.rpartition("@")
    parts = UrlParts(scheme, userinfo if at else None, host, slash + path, query)
    if "#" in authority or ("@" in slash + path + query and not _may_hold_at(parts)):
        raise InvalidRequest(
            "The URL cannot be read with certainty",
            why="it holds an unquoted @, / or # where a user name, password or address is expected",
            fix="Write %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #; or leave the password out and give it separately",
            field="url",
        )
    return parts


def _may_hold_at(parts: UrlParts) -> bool:
    """A file's path may hold an ``@``, and so may the query of a URL without an address."""
    return parts.is_file or (not parts.host and parts.userinfo is None and "@" not in parts.path)


def redact(url: str) -> str:
    """Return the URL with every secret replaced by ``***``, whatever text is given. References (``${NAME}``) stay."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return f"{HIDDEN}@{_redact_query(url.rpartition('@')[2])}" if "@" in url else _redact_query(url)
    if canonical_engine(scheme) in _FILE_SCHEMES and rest.startswith("/"):
        userinfo, at, place = "", "", rest
    else:
        userinfo, at, place = _cut_userinfo(rest)
    name, colon, password = userinfo.partition(":")
    shown = password if _REFERENCE.fullmatch(password) else HIDDEN
    before_query, mark, query = place.partition("?")
    return f"{scheme}://{name}{colon}{shown if colon else ''}{at}{before_query}{mark}{_redact_query(query)}"


def _cut_userinfo(rest: str) -> tuple[str, str, str]:
    """Cut at the last ``@`` there is, unless the URL has no address and the ``@`` stands in its query."""
    if rest.startswith("/") and "@" not in rest.partition("?")[0]:
        return "", "", rest
    return rest.rpartition("@")


def _redact_query(query: str) -> str:
    return "&".join(_redact_pair(pair) for pair in query.split("&"))


def _redact_pair(pair: str) -> str:
    key, sign, value = pair.partition("=")
    if not sign or _REFERENCE.fullmatch(value):
        return pair
    # An ODBC string inside a value carries its password along: ``odbc_connect=…;PWD=…``.
    is_secret = _SECRET_KEY.search(unquote_plus(key)) or _SECRET_INSIDE.search(unquote_plus(value))
    return f"{key}={HIDDEN}" if is_secret else pair


def split_password(url: str) -> tuple[str, str | None]:
    """Return the URL without its password, and the password unquoted.

    A password that is a reference stays where it is. Secrets in the query are refused: they have no other place to be kept.
    """
    if "://" not in url and is_url(url):
        return url, None
    parts = split_url(url)
    if _redact_query(parts.query) != parts.query:
        raise InvalidRequest(
            "The URL carries a secret in its query",
            why="it would be kept and shown in plain text",
            fix="Put it into the environment and write ${NAME} in its place",
            field="url",
        )
    name, colon, password = (parts.userinfo or "").partition(":")
    if not colon or _REFERENCE.fullmatch(password):
        return str(parts), None
    return str(msgspec.structs.replace(parts, userinfo=name or None)), unquote(password) or None


def has_password(url: str) -> bool:
    """Return whether the URL names a password, be it by reference."""
    return "://" in url and bool((split_url(url).userinfo or "").partition(":")[2])


def takes_password(url: str) -> bool:
    """Return whether there is a place for a password: a file has none, and neither has a URL that is a single reference."""
    return "://" in url and not split_url(url).is_file


def with_password(url: str, password: str) -> str:
    """Return the URL with the password put in, quoted, in place of any it has."""
    parts = split_url(url)
    if parts.is_file:
        raise InvalidRequest(f"{redact(url)} takes no password", why="it names a file", field="password")
    name = (parts.userinfo or "").partition(":")[0]
    return str(msgspec.structs.replace(parts, userinfo=f"{name}:{quote(password, safe='')}"))


def expand(url: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the URL with its ``${NAME}`` references replaced; raises :class:`ConfigurationError` naming a variable that is not set.

    A value is quoted where it becomes a user name, a password or part of the query, and taken as it is elsewhere.
    """
    values = os.environ if environment is None else environment
    if not _REFERENCE.search(url):
        return url
    if "://" not in url:
        return _fill(url, values, quoted=False)
    parts = split_url(url)
    return str(
        msgspec.structs.replace(
            parts,
            userinfo=None if parts.userinfo is None else _fill(parts.userinfo, values, quoted=True),
            host=_fill(parts.host, values, quoted=False),
            path=_fill(parts.path, values, quoted=False),
            query=_fill(parts.query, values, quoted=True),
        )
    )


def _fill(text: str, values: Mapping[str, str], *, quoted: bool) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not values.get(name):
            raise ConfigurationError(
                f"The environment variable {name} is not set", why="a source's URL refers to it", fix=f"export {name}=…"
            )
        return quote(values[name], safe="") if quoted else values[name]

    return _REFERENCE.sub(value, text)


def default_source_id(url: str) -> str:
    """Return a name for the source behind a URL: its file's stem or its database's name, else its host, as a slug."""
    if "://" not in url:
        return _slug(url) or "source"
    parts = split_url(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2])
    if parts.is_file:
        name = Path(name).stem
    host = unquote(parts.host.partition(":")[0])
    return _slug(name) or _slug(host) or _slug(parts.engine)


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9_]+", "-", _REFERENCE.sub(r"\1", text).lower()).strip("-_")
    return slug[:64].rstrip("-_")


def with_absolute_path(url: str) -> str:
    """Return a file's URL with its path made absolute, so that it means the same file from every working directory."""
    if "://" not in url:
        return url
    parts = split_url(url)
    name = parts.path.removeprefix("/")
    if not parts.is_file or name in ("", ":memory:") or parts.path.startswith(("//", "/${")):
        return url
    return str(msgspec.structs.replace(parts, path="/" + str(Path(name).expanduser().absolute())))


def same_place(one: str, other: str) -> bool:
    """Return whether two URLs lead to the same database, whoever connects and with whatever options."""
    return _place(with_absolute_path(one)) == _place(with_absolute_path(other))


def same_server(one: str, other: str) -> bool:
    """Return whether two URLs differ in nothing but the database, passwords aside: user, host and options are the same."""
    if "://" not in one or "://" not in other:
        return one == other
    first, second = (split_url(split_password(with_absolute_path(url))[0]) for url in (one, other))
    return (first.scheme, first.userinfo, first.host, first.query) == (second.scheme, second.userinfo, second.host, second.query)


def _place(url: str) -> tuple[str, ...]:
    if "://" not in url:
        return (url,)
    parts = split_url(url)
    if not parts.host and not parts.is_file:
        return parts.engine, parts.path, parts.query
    host, _, port = parts.host.lower().partition(":")
    return parts.engine, host, port or str(_DEFAULT_PORTS.get(parts.engine, "")), unquote(parts.path)
