"""A URL chooses the bus: ``memory://``, ``nats://HOST:PORT[,…]`` or ``kafka://HOST:PORT[,…]``."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import msgspec

from factbook.errors import ConfigurationError, MissingExtra
from factbook.events.contract import SUBJECT

if TYPE_CHECKING:
    from factbook.events.contract import Bus

_URL = re.compile(r"(?P<scheme>[a-z]+)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?(?P<hosts>[^@/?#]*)/?(?:\?(?P<query>[^#]*))?")
_SUBJECT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_PORTS = {"nats": 4222, "kafka": 9092}
_FIX = "Write memory://, nats://HOST:PORT or kafka://HOST:PORT; several hosts are separated by commas"


class BusUrl(msgspec.Struct, frozen=True):
    """A bus URL taken apart. ``replicas`` and ``partitions`` are for what has to be made; ``tls`` encrypts the way to Kafka."""

    scheme: str
    hosts: tuple[str, ...] = ()
    user: str = ""
    password: str = ""
    subject: str = SUBJECT
    replicas: int = 1
    partitions: int = 6
    max_bytes: int = 1 << 30
    max_age_days: float = 7.0
    tls: bool = False

    def __repr__(self) -> str:
        return f"BusUrl({str(self)!r})"

    def __str__(self) -> str:
        return f"{self.scheme}://{','.join(self.hosts)}" if self.hosts else "memory://"

    @property
    def place(self) -> str:
        """What the relay remembers its position under: the kind of bus and the subject, whichever host is reached."""
        return f"{self.scheme}:{self.subject}"

    @property
    def dead(self) -> str:
        """The subject of dead letters."""
        return f"{self.subject}.dead"


def parse_bus_url(url: str) -> BusUrl:
    """Take a bus URL apart; raises :class:`ConfigurationError`, never showing the URL, which may hold a password."""
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise ConfigurationError("BUS_URL cannot be read", why="it is no URL of a bus", fix=_FIX)
    scheme, hosts = match["scheme"], [host for host in match["hosts"].split(",") if host]
    if scheme == "memory":
        return BusUrl("memory")
    if scheme not in _PORTS:
        raise ConfigurationError("BUS_URL cannot be used", why=f"there is no bus for {scheme}://", fix=_FIX)
    if not hosts:
        raise ConfigurationError("BUS_URL names no host", fix=_FIX)
    return BusUrl(
        scheme,
        tuple(host if re.search(r":\d+$", host) else f"{host}:{_PORTS[scheme]}" for host in hosts),
        unquote(match["user"] or ""),
        unquote(match["password"] or ""),
        **_options(match["query"] or ""),
    )


def _options(query: str) -> dict[str, Any]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    known = {
        field.name: field.type for field in msgspec.structs.fields(BusUrl) if field.name not in ("scheme", "hosts", "user", "password")
    }
    unknown = given.keys() - known.keys()
    if unknown:
        raise ConfigurationError(
            f"BUS_URL has an unknown option {min(unknown)}", why=f"there are {', '.join(sorted(known))}", fix="Correct it or leave it out"
        )
    if not _SUBJECT.fullmatch(given.get("subject", SUBJECT)):
        raise ConfigurationError("The subject in BUS_URL cannot be used", why="words of letters, digits, _ and - joined by dots are taken")
    try:
        return {name: msgspec.convert(value, known[name], strict=False) for name, value in given.items()}
    except msgspec.ValidationError as error:
        raise ConfigurationError("An option in BUS_URL is wrong", why=str(error), fix=_FIX) from error


def open_bus(url: str) -> Bus:
    """Return the bus of a URL; nothing is reached for before it is used. Raises :class:`ConfigurationError`."""
    place = parse_bus_url(url)
    if place.scheme == "nats":
        _need("nats", "NATS", "nats")
        from factbook.events.nats import NatsBus

        return NatsBus(place)
    if place.scheme == "kafka":
        _need("confluent_kafka", "Kafka", "kafka")
        from factbook.events.kafka import KafkaBus

        return KafkaBus(place)
    from factbook.events.inprocess import InProcessBus

    return InProcessBus()


def _need(module: str, title: str, extra: str) -> None:
    if find_spec(module) is None:
        raise MissingExtra(f"{title} cannot be used as the bus", extra)
