"""An emitter and a service that answers as told: batches, pauses, refusals, and what becomes of the rest."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.scripted import Service, problem, scripted, stored

from factbook_sdk.emitter import Emitter, EmitterOptions, Spool, courier
from factbook_sdk.errors import ConfigurationError, EmitterFull, InvalidRecord, InvalidRequest, PartialFailure
from factbook_sdk.repository.wire import encode_record
from factbook_sdk.testing.records import event

NOBODY = "http://127.0.0.1:9"
SOON = EmitterOptions(batch_seconds=0.02, spool_seconds=0.0)
BUSY = problem(503, "store_busy", retry_after="0")


def sent(service: Service) -> list[int]:
    return [line["payload"]["attempt"] for request in service.requests for line in request.lines]


def until(holds: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.01)


@pytest.fixture(params=["spool", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "spool" if request.param == "spool" else None


def test_what_is_emitted_arrives_once_and_in_order(spool: Path | None) -> None:
    with scripted() as service:
        with Emitter(service.url, spool=spool, token="t") as emitter:
            for number in range(2_500):
                emitter.emit(event(number))
            assert emitter.flush(20)
            counters = emitter.counters()
        assert sent(service) == list(range(2_500))
        assert len(service.requests) < 30
        assert {request.headers.get("authorization") for request in service.requests} == {"Bearer t"}
    assert (counters.taken, counters.in_memory, counters.delivered.stored, counters.last_failure) == (2_500, 0, 2_500, None)
    assert spool is None or Spool(spool).status().segments == 0


def test_a_batch_goes_when_it_is_old_enough(spool: Path | None) -> None:
    with scripted() as service, Emitter(service.url, spool=spool, options=SOON) as emitter:
        emitter.emit(event(1))
        until(lambda: emitter.counters().delivered.stored == 1)
        emitter.emit(event(2))
        until(lambda: emitter.counters().delivered.stored == 2)
        assert len(service.requests) == 2


@pytest.mark.parametrize(
    "options", [EmitterOptions(batch_records=5, batch_seconds=60), EmitterOptions(batch_bytes=1_000, batch_seconds=60)]
)
def test_a_batch_goes_when_it_is_full_by_count_or_by_bytes(spool: Path | None, options: EmitterOptions) -> None:
    with scripted() as service, Emitter(service.url, spool=spool, options=options) as emitter:
        for number in range(23):
            emitter.emit(event(number))
        until(lambda: emitter.counters().delivered.stored >= 20)


def test_bodies_are_packed_unless_told_otherwise() -> None:
    for compress, expected in ((True, "gzip"), (False, None)):
        with scripted() as service:
            with Emitter(service.url, options=EmitterOptions(compress=compress)) as emitter:
                for number in range(50):
                    emitter.emit(event(number))
            assert [request.headers.get("content-encoding") for request in service.requests] == [expected]


def test_emitting_never_waits_for_a_service_that_does_not_answer(spool: Path | None) -> None:
    with Emitter(NOBODY, spool=spool, options=SOON) as emitter:
        started = time.monotonic()
        for number in range(1_000):
            emitter.emit(event(number))
        assert time.monotonic() - started < 1.0
        assert not emitter.flush(0.1)
        until(lambda: "cannot be reached" in (emitter.counters().last_failure or ""))
        if spool is None:
            with pytest.raises(PartialFailure, match="1,000 records were not delivered"):
                emitter.close(0.1)
        emitter.close(0.1)
    assert spool is None or Spool(spool).status().records == 1_000


def test_leaving_does_not_wait_long_for_a_service_that_is_plainly_away(tmp_path: Path) -> None:
    started = time.monotonic()
    with Emitter(NOBODY, spool=tmp_path) as emitter:
        emitter.emit(event(1))
    assert time.monotonic() - started < 5
    assert Spool(tmp_path).status().records == 1


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_the_service_asks_for_is_kept(tmp_path: Path, status: int, as_date: bool) -> None:
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True) if as_date else "1"
    at: list[float] = []
    with scripted(problem(status, "slow_down", retry_after=asked)) as service:
        reply_to = service.reply_to
        service.reply_to = lambda request: (at.append(time.monotonic()), reply_to(request))[1]  # type: ignore[method-assign]
        with Emitter(service.url, spool=tmp_path, options=SOON) as emitter:
            emitter.emit(event(1))
            assert emitter.flush(20)
    assert at[1] - at[0] >= 1.0


def test_failures_are_outlasted(spool: Path | None) -> None:
    replies = [BUSY, (502, {}, b"bad gateway"), problem(500, "internal"), problem(401, "key_required"), BUSY]
    with scripted(*replies) as service, Emitter(service.url, spool=spool, options=EmitterOptions(max_pause_seconds=0.1)) as emitter:
        emitter.emit(event(1))
        assert emitter.flush(20)
        assert len(service.requests) == 6
        assert emitter.counters().last_failure is None


def test_the_log_tells_of_an_outage_once_and_of_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "factbook_sdk")
    with scripted(*[BUSY] * 4) as service, Emitter(service.url, spool=tmp_path, options=SOON) as emitter:
        emitter.emit(event(1))
        assert emitter.flush(20)
    told = [record.message for record in caplog.records if record.name.startswith("factbook_sdk")]
    assert len(told) == 2
    assert "sent again later" in told[0]
    assert "on their way again" in told[1]


def test_refused_records_are_kept_aside_and_the_others_arrive(tmp_path: Path) -> None:
    with scripted((200, {}, stored(3, rejected=[1]))) as service, Emitter(service.url, spool=tmp_path) as emitter:
        for number in range(3):
            emitter.emit(event(number))
        assert emitter.flush(20)
        delivered = emitter.counters().delivered
    assert (delivered.stored, delivered.rejected, delivered.unkept) == (2, 1, 0)
    [entry] = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert (entry["reason"], entry["field"], entry["record"]["payload"]["attempt"]) == ("it breaks a rule", "payload", 1)
    assert Spool(tmp_path).status().segments == 0


def test_refused_records_without_a_place_are_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with scripted((200, {}, stored(1, rejected=[0]))) as service:
        with Emitter(service.url) as emitter:
            emitter.emit(event(1))
        assert emitter.counters().delivered.unkept == 1
    assert "refused 1 records, 1 of them are not kept; the first: it breaks a rule" in caplog.text


def test_what_the_service_fails_at_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in (1, 2):
        spool.append([encode_record(event(number))])
        spool.seal()
    with scripted(problem(500, "internal")) as service, Emitter(service.url, spool=tmp_path, options=SOON) as emitter:
        until(lambda: emitter.counters().delivered.stored == 2)
        assert sent(service) == [1, 2, 1]


def test_a_record_too_large_for_the_service_is_kept_aside_alone(tmp_path: Path) -> None:
    too_large = problem(413, "body_too_large", fix="Send it in parts")
    # Three records: the whole, its first, its second half, and the two halves of that.
    replies = [too_large, (200, {}, stored(1)), too_large, too_large, (200, {}, stored(1))]
    with scripted(*replies) as service, Emitter(service.url, spool=tmp_path) as emitter:
        for number in range(3):
            emitter.emit(event(number))
        assert emitter.flush(20)
        assert (emitter.counters().delivered.stored, emitter.counters().delivered.rejected) == (2, 1)
    assert json.loads((tmp_path / "rejected.jsonl").read_text())["record"]["payload"]["attempt"] == 1


def test_a_full_emitter_refuses_and_says_why_and_keeps_what_it_took(tmp_path: Path) -> None:
    options = EmitterOptions(max_memory_bytes=5_000, max_spool_bytes=20_000, batch_bytes=2_000, batch_seconds=0.02, spool_seconds=0.0)
    with scripted(*[BUSY] * 1_000) as service, Emitter(service.url, spool=tmp_path, options=options) as emitter:
        number = refused = 0
        deadline = time.monotonic() + 20
        while refused < 3:
            assert time.monotonic() < deadline
            try:
                emitter.emit(event(number))
                number += 1
            except EmitterFull as error:
                # Memory alone fills in no time; the spool takes a little longer.
                if "is full: it holds" in str(error):
                    refused += 1
                    told = str(error)
                time.sleep(0.001)
        assert "Emit it again later" in told
        counters = emitter.counters()
        assert (counters.taken, counters.refused >= 3) == (number, True)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
        with service.lock:
            service.replies.clear()
        assert emitter.flush(30)
        assert emitter.counters().delivered.stored == number
        assert Spool(tmp_path).status().segments == 0


def test_a_spool_that_breaks_is_passed_by(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with scripted() as service, Emitter(service.url, spool=tmp_path / "spool", options=SOON) as emitter:
        shutil.rmtree(tmp_path / "spool")
        (tmp_path / "spool").write_text("no folder")
        emitter.emit(event(1))
        until(lambda: emitter.counters().delivered.stored == 1)
        assert "cannot be spooled" in caplog.text
        (tmp_path / "spool").unlink()
        (tmp_path / "spool").mkdir()
        emitter.emit(event(2))
        assert emitter.flush(20)


def test_torn_and_broken_lines_hold_up_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    path = spool.append([encode_record(event(number)) for number in range(4)])
    spool.seal()
    path.write_bytes(path.read_bytes().replace(b"job-1", b"job-9")[:-3])
    with scripted() as service, Emitter(service.url, spool=tmp_path) as emitter:
        until(lambda: emitter.counters().delivered.torn == 1)
        assert sent(service) == [0, 2]
        assert emitter.counters().delivered.rejected == 1
    assert json.loads((tmp_path / "rejected.jsonl").read_text())["reason"] == "its checksum in the spool is wrong"


def test_what_others_left_behind_is_found_while_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "_LOOK_AROUND_SECONDS", 0.05)
    with scripted() as service, Emitter(service.url, spool=tmp_path) as emitter:
        other = Spool(tmp_path)
        other.append([encode_record(event(7))])
        time.sleep(0.2)
        assert service.requests == []
        other.seal()
        until(lambda: emitter.counters().delivered.stored == 1)


def test_a_flush_knows_when_another_process_has_sent_what_is_ours(tmp_path: Path) -> None:
    options = EmitterOptions(batch_records=1, spool_seconds=0.0, max_pause_seconds=60)
    with scripted() as service, Emitter(NOBODY, spool=tmp_path, options=options) as emitter:
        emitter.emit(event(1))
        until(lambda: emitter.counters().last_failure)
        with Emitter(service.url, spool=tmp_path):
            assert emitter.flush(20)
        assert sent(service) == [1]


def test_what_is_no_json_is_refused_at_once_and_the_rest_unharmed() -> None:
    with scripted() as service:
        with Emitter(service.url) as emitter:
            payload = dict(event(1).payload or {})
            record = event(1)
            emitter.emit(record)
            (record.payload or {})["attempt"] = 99
            with pytest.raises(InvalidRecord) as caught:
                emitter.emit(event(2, extras={"share": float("nan")}))
            assert caught.value.field == "extras.share"
        assert sent(service) == [payload["attempt"]]


def test_records_of_no_tenant_are_of_the_emitters() -> None:
    with scripted() as service:
        with Emitter(service.url, tenant="acme") as emitter:
            emitter.emit(event(1))
            emitter.emit(event(2, tenant="mill"))
        assert [line["context"]["tenant"] for request in service.requests for line in request.lines] == ["acme", "mill"]


def test_a_closed_emitter_takes_nothing_and_has_no_threads(spool: Path | None) -> None:
    before = threading.active_count()
    with scripted() as service:
        emitter = Emitter(service.url, spool=spool)
        emitter.emit(event(1))
        emitter.close()
        emitter.close()
        with pytest.raises(InvalidRequest, match="closed"):
            emitter.emit(event(2))
        assert sent(service) == [1]
    until(lambda: threading.active_count() <= before)


def test_an_error_of_the_pipeline_is_not_hidden_behind_ours(caplog: pytest.LogCaptureFixture) -> None:
    def pipeline() -> None:
        with Emitter(NOBODY, options=SOON) as emitter:
            emitter.emit(event(1))
            emitter.close = lambda: Emitter.close(emitter, 0.05)  # type: ignore[method-assign]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pipeline()
    assert "1 records were not delivered" in caplog.text


def test_neither_token_nor_record_stands_in_what_is_shown(tmp_path: Path) -> None:
    with Emitter(NOBODY, token="t0p-s3cret", spool=tmp_path, options=SOON) as emitter:
        emitter.emit(event(1))
        until(lambda: emitter.counters().last_failure)
        shown = f"{emitter!r} {emitter.counters()} {vars(emitter)}"
        emitter.close(0)
    assert "t0p-s3cret" not in shown + "".join(path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [{"batch_records": 0}, {"max_memory_bytes": -1}, {"batch_seconds": -0.1}, {"timeout_seconds": 0}])
def test_options_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        EmitterOptions(**wrong)  # type: ignore[arg-type]
