"""What a bus URL may say, and that it never shows its password."""

from __future__ import annotations

import pytest

from factbook.errors import ConfigurationError, MissingExtra
from factbook.events import urls
from factbook.events.inprocess import InProcessBus
from factbook.events.kafka import client_settings
from factbook.events.urls import open_bus, parse_bus_url


def test_the_default_subject_is_the_one_promised() -> None:
    place = parse_bus_url("nats://bus.example.com")
    assert (place.hosts, place.subject, place.dead, place.place) == (
        ("bus.example.com:4222",),
        "metadata.events",
        "metadata.events.dead",
        "nats:metadata.events",
    )


def test_several_hosts_a_user_and_options_are_read() -> None:
    place = parse_bus_url("kafka://me:p%40ss@a:1,b/?subject=x.y&partitions=3&replicas=2&tls=true&max_age_days=0.5")
    assert (place.hosts, place.user, place.password) == (("a:1", "b:9092"), "me", "p@ss")
    assert (place.subject, place.partitions, place.replicas, place.tls, place.max_age_days) == ("x.y", 3, 2, True, 0.5)
    assert "p@ss" not in str(place) + repr(place)


def test_a_user_means_sasl() -> None:
    assert (
        client_settings(parse_bus_url("kafka://me:pw@a")).items() >= {"security.protocol": "SASL_PLAINTEXT", "sasl.password": "pw"}.items()
    )
    assert client_settings(parse_bus_url("kafka://me:pw@a?tls=true"))["security.protocol"] == "SASL_SSL"
    assert client_settings(parse_bus_url("kafka://a?tls=true"))["security.protocol"] == "SSL"
    assert "security.protocol" not in client_settings(parse_bus_url("kafka://a"))


@pytest.mark.parametrize(
    "url",
    [
        "nats",
        "nats://",
        "amqp://me:s3cret@host",
        "nats://host?subject=a b",
        "nats://host?subject=a.*",
        "nats://host?colour=red",
        "nats://host?replicas=many",
        "nats://me:s3c@ret@host",
    ],
)
def test_what_cannot_be_used_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_bus_url(url)
    assert "s3c" not in str(caught.value)


def test_a_missing_extra_answers_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_bus("memory://"), InProcessBus)
    monkeypatch.setattr(urls, "find_spec", lambda _module: None)
    for name in ("nats", "kafka"):
        with pytest.raises(MissingExtra) as caught:
            open_bus(f"{name}://host")
        assert caught.value.fix == f"pip install 'factbook[{name}]'"
