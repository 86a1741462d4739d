"""Conditions mean the same as they read, and rubbish is refused in words."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factbook_sdk.errors import InvalidRequest
from factbook_sdk.repository.filters import Condition, Operator, check_path, matches, parse_condition
from factbook_sdk.testing.records import event

PATHS = st.sampled_from(["payload.attempt", "payload.job_id", "extras.x", "context.run_id", "target.source_id", "payload.²", "extras.x.1"])
RUBBISH = st.one_of(
    st.text(st.characters(), max_size=40),
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                ["payload", ".", "x", "<", "=", "!", " in ", " like ", " exists", "[", "{", '"', "1e999", "%", "٣", "\ud800", "\n", ","]
            ),
            max_size=12,
        ),
    ),
    st.builds(
        "{}{}{}".format, PATHS, st.sampled_from([" ", "=", "<", ">=", " in ", " like ", " exists "]), st.text(st.characters(), max_size=20)
    ),
)


@settings(max_examples=600, deadline=None)
@given(RUBBISH, st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.integers())))
@example("payload.²=1", [1])
@example("extras.x." + "9" * 5000 + "=1", [1])
@example("payload.x=" + "[" * 100_000, None)
@example("payload.x=\ud800", "a")
@example("target.__class__ exists", None)
def test_any_text_is_a_condition_or_is_refused_with_a_reason(text, value):
    try:
        outcome = matches(event(1, extras={"x": value}), [parse_condition(text)])
    except InvalidRequest as error:
        outcome = (error.field, len(str(error).encode()) > 10)
    assert outcome in (True, False, ("where", True))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("payload.row_count<100", Condition("payload.row_count", Operator.LT, 100)),
        ("extras.window_start>=2026-01-01", Condition("extras.window_start", Operator.GE, "2026-01-01")),
        ("payload.state in failed,cancelled", Condition("payload.state", Operator.IN, ["failed", "cancelled"])),
        ('payload.name IN ["a,b", 7]', Condition("payload.name", Operator.IN, ["a,b", 7])),
        ('payload.name in "a",[1', Condition("payload.name", Operator.IN, ["a", "[1"])),
        ("payload.name like cust%", Condition("payload.name", Operator.LIKE, "cust%")),
        (" payload.comment exists ", Condition("payload.comment", Operator.EXISTS)),
        ("payload.x=", Condition("payload.x", Operator.EQ, "")),
        ("payload.x = in b", Condition("payload.x", Operator.EQ, "in b")),
    ],
)
def test_each_form_is_read_as_it_is_meant(text, condition):
    assert parse_condition(text) == condition


@pytest.mark.parametrize(
    "text",
    ["payload.x exists please", "payload.x in", "payload.x like ", "payload<1", "secret.x=1", "payload..x=1", "x", "", "payload.x ~ 1"],
)
def test_what_is_half_a_condition_is_refused(text):
    with pytest.raises(InvalidRequest):
        parse_condition(text)


def test_a_path_reaches_fields_and_never_what_python_adds_to_them():
    record = event(1)
    for path in ("target.__class__", "target.__struct_fields__", "context.__post_init__", "payload.keys"):
        assert not matches(record, [Condition(path, Operator.EXISTS)])
    with pytest.raises(InvalidRequest, match="characters"):
        check_path("payload." + "x" * 600)


@settings(max_examples=500)
@given(st.text("ab%_", max_size=8), st.text("ab\n", max_size=10))
def test_like_finds_what_the_expression_of_its_pattern_finds(pattern, text):
    expression = "".join(".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    expected = re.fullmatch(expression, text, re.S) is not None
    assert matches(event(1, extras={"x": text}), [Condition("extras.x", Operator.LIKE, pattern)]) == expected


def test_a_pattern_made_to_take_for_ever_is_answered():
    assert not matches(event(1, extras={"x": "a" * 50_000}), [Condition("extras.x", Operator.LIKE, "%a_" * 100 + "%b%_")])
    with pytest.raises(InvalidRequest, match="pattern"):
        Condition("extras.x", Operator.LIKE, "%" * 513)
