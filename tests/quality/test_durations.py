"""Lengths of time are read in one way."""

import pytest

from factbook.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        (" 2 Min ", 120),
        ("1.5h", 5400),
        ("2 days", 172800),
        ("1w", 604800),
        ("30", None),
        ("", None),
        ("s", None),
        ("9999999w", None),
    ],
)
def test_a_length_of_time_is_a_number_and_a_unit(text, seconds):
    assert seconds_of(text) == seconds


def test_a_number_alone_counts_the_unit_that_is_given():
    assert (seconds_of("90", bare_unit="s"), seconds_of("2m", bare_unit="s")) == (90, 120)
