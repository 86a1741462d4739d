"""Transitions as values, without a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.jobs.conftest import TARGET

from factbook.errors import SourceRefused
from factbook.jobs.model import Submission
from factbook.jobs.transitions import after_failure, after_loss, backoff, describe, queued, returned, started
from factbook_sdk.facts.kinds.job_run import JobError, JobState

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ERROR = JobError("temporary", "It did not answer")
RUN = queued(Submission("work", TARGET, {}, max_attempts=2), "work-1")


@given(st.integers(1, 10_000))
def test_the_pause_doubles_up_to_five_minutes_and_is_shortened_by_half_at_most(attempt: int) -> None:
    longest = min(2.0 * 2.0 ** min(attempt - 1, 30), 300.0)
    assert timedelta(seconds=longest / 2) <= backoff(attempt) <= timedelta(seconds=longest)


def test_attempts_are_counted_and_the_last_failure_ends_the_job() -> None:
    first = started(RUN, "w1")
    again = after_failure(first, NOW, ERROR)
    assert (again.state, again.attempt, again.error, again.worker_id) == (JobState.QUEUED, 1, ERROR, None)
    assert datetime.fromisoformat(again.run_after or "") > NOW
    second = started(again, "w2")
    assert (second.attempt, second.error, second.run_after, second.worker_id) == (2, None, None, "w2")
    assert after_failure(second, NOW, ERROR).state is JobState.FAILED


def test_an_attempt_given_back_does_not_count() -> None:
    assert returned(started(RUN, "w1"), NOW).attempt == 0


def test_a_lost_worker_is_named() -> None:
    error = after_loss(started(started(RUN, "w1"), "w2"), NOW, 30).error
    assert error == JobError("worker_lost", "Worker lost: w2 was not heard of for 30 s")


def test_an_error_of_ours_keeps_its_message_and_names_its_foreign_cause() -> None:
    error = SourceRefused("shop refuses us", why="the password is wrong")
    error.__cause__ = OSError("FATAL: password tiger is wrong")
    assert describe(error) == JobError("source_refused", "shop refuses us: the password is wrong", "OSError")
