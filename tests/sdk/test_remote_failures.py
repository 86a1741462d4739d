"""What a remote repository says when the service refuses, is busy, away, or something else altogether."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from tests.sdk.scripted import problem, scripted, stored

from factbook import errors as house_errors
from factbook.api import problems
from factbook_sdk import errors
from factbook_sdk.errors import ConfigurationError, FactbookError, InvalidRecord, InvalidRequest, ServiceUnavailable, UnknownKind
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository import failures
from factbook_sdk.repository.remote import RemoteRepository
from factbook_sdk.repository.retrying import backoff_seconds, read_retry_after
from factbook_sdk.testing.records import event

TOKEN = "t0p-s3cret-token"
SHOP = MetadataTarget("shop")
NOBODY = "http://127.0.0.1:9"


def families(root: type[FactbookError] = FactbookError) -> Iterator[type[FactbookError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("factbook"):
            yield from families(child)


def impatient(url: str, **options: object) -> RemoteRepository:
    return RemoteRepository(url, token=TOKEN, patience_seconds=0, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", sorted(set(families()), key=lambda family: family.__name__), ids=lambda family: family.__name__)
def test_every_error_of_the_service_comes_back_whole(family: type[FactbookError]) -> None:
    if family is house_errors.MissingExtra:
        sent: FactbookError = house_errors.MissingExtra("It failed", "kafka")
    elif family is house_errors.NeedsDatabase:
        sent = house_errors.NeedsDatabase("It failed")
    else:
        sent = family("It failed", why="of a cause: this", fix="Do that", field="payload.x")
    answer = problems.answer(sent, path="/records", request_id="r1")
    came = failures.of_answer(answer.status_code, answer.headers, bytes(answer.body), "http://service")
    assert (came.what, came.why, came.fix, came.field, came.code) == (sent.what, sent.why, sent.fix, sent.field, sent.code)
    assert type(came) in EXPECTED.get(family, {family}), type(came)


EXPECTED: dict[type[FactbookError], set[type[FactbookError]]] = {
    errors.TemporaryError: {ServiceUnavailable},
    errors.EmitterFull: {ServiceUnavailable},
    house_errors.StoreBusy: {ServiceUnavailable},
    house_errors.ArchiveUnavailable: {ServiceUnavailable},
    house_errors.BusUnavailable: {ServiceUnavailable},
    house_errors.ChannelRefused: {ServiceUnavailable},
    house_errors.ChannelUnavailable: {ServiceUnavailable},
    house_errors.KindIncompatible: {InvalidRequest},
    house_errors.KindRefused: {InvalidRequest},
    house_errors.KindTaken: {InvalidRequest},
    house_errors.EditConflict: {InvalidRequest},
    house_errors.StatementFailed: {InvalidRequest},
    house_errors.StatementTimeout: {ServiceUnavailable},
    house_errors.NeedsDatabase: {ConfigurationError},
    house_errors.SourceUnavailable: {ServiceUnavailable},
    house_errors.SourceRefused: {ServiceUnavailable},
    house_errors.MissingExtra: {ConfigurationError},
    house_errors.RemovalsHeld: {InvalidRequest},
    errors.SchemaMismatch: {InvalidRequest},
    house_errors.Cancelled: {InvalidRequest},
    problems.KeyRequired: {ConfigurationError},
    problems.NotAllowed: {ConfigurationError},
    problems.PathNotFound: {ConfigurationError},
    problems.MethodNotAllowed: {ConfigurationError},
    problems.UnsupportedBody: {ConfigurationError},
    problems.BodyTooLarge: {InvalidRequest},
    problems.Overloaded: {ServiceUnavailable},
}


def test_a_refused_record_is_told_as_if_it_had_been_refused_here() -> None:
    refusal = problem(
        422, "unknown_kind", detail="Record 0: The kind 'x' is unknown: registered are …", why="registered are …", field="kind"
    )
    with scripted(refusal) as service, closing(impatient(service.url)) as repository, pytest.raises(UnknownKind) as caught:
        repository.store(event(1))
    assert (caught.value.what, caught.value.why, caught.value.field) == ("The kind 'x' is unknown", "registered are …", "kind")


def test_only_an_unknown_record_is_none() -> None:
    replies = problem(404, "not_found"), problem(404, "path_not_found"), (404, {"Content-Type": "text/html"}, b"<h1>Nothing here</h1>")
    with scripted(*replies) as service, closing(impatient(service.url)) as repository:
        assert repository.latest(SHOP, "job_run") is None
        with pytest.raises(ConfigurationError):
            repository.latest(SHOP, "job_run")
        with pytest.raises(ConfigurationError, match=r"no Factbook service.*Nothing here"):
            repository.latest(SHOP, "job_run")


@pytest.mark.parametrize("answer", [b"<html>Welcome</html>", b'{"items": 7}', b'{"results": []}', b"\xff"])
def test_a_success_that_is_none_of_ours_is_a_wrong_url(answer: bytes) -> None:
    with scripted((200, {}, answer), (200, {}, answer)) as service, closing(impatient(service.url)) as repository:
        with pytest.raises(ConfigurationError, match="no Factbook service"):
            repository.store(event(1))
        with pytest.raises(ConfigurationError, match="no Factbook service"):
            repository.tail()


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with scripted((302, {"Location": "http://elsewhere.example/"}, b"")) as service, closing(impatient(service.url)) as repository:
        with pytest.raises(ConfigurationError):
            repository.tail()
        assert len(service.requests) == 1


def test_a_service_that_is_away_is_told_with_what_to_do() -> None:
    with closing(impatient(NOBODY)) as repository, pytest.raises(ServiceUnavailable) as caught:
        repository.store(event(1))
    assert NOBODY in caught.value.what
    assert "factbook serve" in caught.value.fix


def test_a_silent_service_is_given_up_after_the_timeout() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with closing(impatient(url, timeout_seconds=0.1)) as repository, pytest.raises(ServiceUnavailable, match="in time"):
            repository.tail()


def test_a_certificate_that_does_not_fit_is_no_passing_failure() -> None:
    with (
        scripted() as service,
        closing(impatient(service.url.replace("http", "https"))) as repository,
        pytest.raises(ConfigurationError, match="cannot be trusted"),
    ):
        repository.tail()


def test_the_token_is_sent_and_never_shown() -> None:
    replies = problem(401, "key_required", detail="The API key is wrong"), (500, {}, b"broken"), (200, {}, b"nonsense")
    with scripted(*replies) as service, closing(impatient(service.url)) as repository, closing(impatient(NOBODY)) as away:
        shown = repr(repository) + repr(repository._transport) + str(vars(repository))
        for asked in (repository, repository, repository, away):
            with pytest.raises(FactbookError) as caught:
                asked.store(event(1))
            shown += "".join(traceback.format_exception(caught.value))
        assert {request.headers["authorization"] for request in service.requests} == {f"Bearer {TOKEN}"}
    assert TOKEN not in shown


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tab\t", "nul\x00"])
def test_a_token_that_would_break_a_header_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RemoteRepository("http://localhost", token=token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http://me:s3cret@host",
        "http://host?x=s3cret",
        "http://host:s3cret",
        "http://[s3cret",
    ],
)
def test_a_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RemoteRepository(url)
    assert "s3cret" not in str(caught.value)


def test_calls_try_again_while_patience_lasts() -> None:
    busy = problem(503, "store_busy", retry_after="0")
    with scripted(busy, (502, {}, b"bad gateway"), problem(429, "slow_down", retry_after="0")) as service:
        with closing(RemoteRepository(service.url, patience_seconds=20)) as repository:
            assert repository.store(event(1)).offset == 1
        assert len(service.requests) == 4


def test_who_is_asked_to_come_later_than_patience_lasts_is_told_at_once() -> None:
    with scripted(problem(503, "store_busy", retry_after="7")) as service, closing(RemoteRepository(service.url)) as repository:
        repository._patience_seconds = 5
        with pytest.raises(ServiceUnavailable) as caught:
            repository.tail()
    assert caught.value.retry_after_seconds == 7


def test_what_is_wrong_is_not_tried_again() -> None:
    with scripted(problem(400, "invalid_request", field="limit")) as service:
        with closing(RemoteRepository(service.url)) as repository, pytest.raises(InvalidRequest):
            repository.tail()
        assert len(service.requests) == 1


def test_a_rejection_of_a_record_alone_is_an_error() -> None:
    with (
        scripted((200, {}, stored(1, rejected=[0]))) as service,
        closing(impatient(service.url)) as repository,
        pytest.raises(InvalidRecord, match="breaks a rule"),
    ):
        repository.store(event(1))


def test_retry_after_is_read_as_a_number_and_as_a_date() -> None:
    now = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
    for text, expected in (
        ("0", 0.0),
        (" 17 ", 17.0),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 12:00:30", 30.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("9999999999999999999999", 3600.0),
        ("Sat, 31 Jan 2099 12:00:00 GMT", 3600.0),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("", None),
        (None, None),
    ):
        assert read_retry_after(text, now) == expected, text


def test_backoff_grows_to_its_bound_and_is_never_the_same_for_all() -> None:
    for attempt, bound in ((1, 0.2), (2, 0.4), (5, 3.2), (50, 30.0), (10_000, 30.0)):
        drawn = {backoff_seconds(attempt) for _ in range(50)}
        assert len(drawn) > 1
        assert all(bound / 10 <= pause <= bound for pause in drawn)
