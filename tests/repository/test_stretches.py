"""Stretches of time are the whole time, once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from factbook.repository.stretches import stretches

DAY = 86_400_000_000
moments = st.integers(-40_000, 40_000).map(lambda days: days * DAY)
bounds = st.none() | moments


@given(bounds, bounds, moments, st.sampled_from(["asc", "desc"]))
def test_stretches_are_the_whole_without_gap_or_overlap(since, until, begin, order):
    found = list(stretches(since, until, begin, order))
    in_time = found if order == "asc" else found[::-1]
    assert (in_time[0][0], in_time[-1][1]) == (since, until)
    assert all(one[1] == other[0] for one, other in pairwise(in_time))
    assert len(found) <= 8


@given(moments)
def test_they_begin_where_they_are_told_and_grow(begin):
    forwards = list(stretches(begin, None, begin, "asc"))
    assert forwards[0] == (begin, begin + 62 * DAY)
    assert forwards[1] == (begin + 62 * DAY, begin + 186 * DAY)
    backwards = list(stretches(None, None, begin, "desc"))
    assert backwards[0] == (begin - 62 * DAY, None)
    assert backwards[1] == (begin - 186 * DAY, begin - 62 * DAY)
