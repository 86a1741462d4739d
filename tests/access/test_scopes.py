"""Grants as values: every decision against an oracle that tries all there is, and patterns against regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.access.conftest import holder

from factbook.access import Action, Grant
from factbook.access.scopes import is_everything, matches, of_key, of_nobody, of_this_machine
from factbook.errors import InvalidRequest

NAMES = ["a", "b", "ab", "ba", "aab"]
PATTERNS = ["*", "a", "b", "a*", "*b", "a*b", "*a*", "ab", "**", "b*a*"]
NAMESPACES = [None, *NAMES]

patterns = st.sampled_from(PATTERNS)
grants = st.builds(Grant, st.sampled_from(Action), patterns, patterns, st.lists(patterns, min_size=1, max_size=3).map(tuple))
principals = st.lists(grants, max_size=4).map(lambda found: holder(*found))


def fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) is not None


def allowed(grant: Grant, action: Action, tenant: str, namespace: str | None, kind: str) -> bool:
    """Say by the words of the rule whether one grant allows one thing."""
    does = action in {Action.READ: {Action.READ}, Action.WRITE: {Action.WRITE}, Action.ADMIN: set(Action)}[grant.action]
    return does and fits(grant.tenant, tenant) and fits(grant.namespace, namespace or "") and any(fits(one, kind) for one in grant.kinds)


@given(st.text("ab*\n", max_size=6), st.text("ab*\n", max_size=8))
@settings(max_examples=500)
def test_a_pattern_matches_what_its_regular_expression_does(pattern: str, text: str) -> None:
    assert matches(pattern, text) is fits(pattern, text)
    assert is_everything(pattern) is (set(pattern) <= {"*"})


def test_a_pattern_made_to_be_slow_is_not() -> None:
    assert not matches("*a" * 250 + "b", "a" * 100_000)


@given(principals, st.sampled_from(Action), st.sampled_from(NAMES), st.sampled_from(NAMESPACES), st.sampled_from(NAMES))
@settings(max_examples=500)
def test_what_may_be_done_is_what_some_grant_allows(principal, action, tenant, namespace, kind) -> None:
    assert principal.may(action, tenant, namespace, kind) is any(
        allowed(grant, action, tenant, namespace, kind) for grant in principal.grants
    )


@given(grants, grants)
@settings(max_examples=500)
def test_a_grant_covers_another_only_if_it_allows_all_of_it(one: Grant, other: Grant) -> None:
    words = [*NAMES, "", "aa", "bb", "abab", "c", "acb"]
    if one.covers(other):
        for action in Action:
            for tenant in words:
                for namespace in words:
                    for kind in words:
                        if allowed(other, action, tenant, namespace, kind):
                            assert allowed(one, action, tenant, namespace, kind)
    assert one.covers(one)


@given(principals, st.sampled_from(Action), st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2))
@settings(max_examples=300)
def test_who_may_do_all_may_do_each(principal, action, tenant, kinds) -> None:
    if principal.may_all(action, tenant, kinds):
        assert all(principal.may(action, tenant, namespace, kind) for namespace in NAMESPACES for kind in kinds)
        assert principal.may_some(action, tenant)


def test_admin_holds_write_and_read_and_write_holds_no_read() -> None:
    admin, writer = holder(Grant(Action.ADMIN, "a")), holder(Grant(Action.WRITE, "a"))
    assert [admin.may(action, "a", None, "k") for action in Action] == [True, True, True]
    assert [writer.may(action, "a", None, "k") for action in Action] == [False, True, False]


def test_only_stars_match_a_record_without_a_namespace() -> None:
    for pattern, expected in (("*", True), ("**", True), ("a*", False), ("*a", False)):
        assert holder(Grant(Action.READ, "a", pattern)).may(Action.READ, "a", None, "k") is expected


def test_the_key_may_everything_local_requests_their_own_tenant_and_strangers_nothing() -> None:
    assert of_key().may_all(Action.ADMIN, "*")
    assert of_key().runs_the_server
    local = of_this_machine("acme", may_write=False)
    assert local.may_all(Action.READ, "acme")
    assert not local.may_some(Action.WRITE, "acme")
    assert not local.may_some(Action.READ, "acme2")
    assert not any(of_nobody().may_some(action, "acme") for action in Action)
    assert not of_nobody().runs_the_server
    with pytest.raises(InvalidRequest, match="TENANT"):
        of_this_machine("a*", may_write=True)


def test_a_token_knows_its_tenant_if_all_grants_name_it() -> None:
    read, write = Grant(Action.READ, "a"), Grant(Action.WRITE, "a", "x")
    assert holder(read, write).only_tenant == "a"
    assert holder(read, Grant(Action.READ, "b")).only_tenant is None
    assert holder(Grant(Action.READ, "a*")).only_tenant is None
    assert holder().only_tenant is None


@pytest.mark.parametrize(
    "wrong", [{"tenant": ""}, {"tenant": "x" * 513}, {"namespace": ""}, {"kinds": ()}, {"kinds": ("",)}, {"tenant": "\x00"}]
)
def test_a_grant_that_can_mean_nothing_is_refused(wrong: dict) -> None:
    with pytest.raises(InvalidRequest):
        Grant(**({"action": Action.READ, "tenant": "a"} | wrong))
