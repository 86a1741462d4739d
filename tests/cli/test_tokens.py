"""``factbook tokens``."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Cli


def test_a_token_is_shown_once_listed_without_its_value_and_revoked(cli: Cli) -> None:
    made = cli("tokens", "create", "nightly load", "--write", "ingestion_*", "--read", "*", "--days", "90")
    value = made.out.strip()
    assert made.code == 0
    assert value.startswith("fbt_")
    assert "cannot be shown again" in made.err
    listed = cli("tokens", "list")
    assert value not in listed.all
    assert "read * in default; write ingestion_* in default" in listed.out
    assert "good" in listed.out
    [token] = cli("tokens", "list", "--json").json
    assert "value" not in token
    assert cli("tokens", "revoke", token["token_id"]).out == f"Revoked {token['token_id']}.\n"
    assert "revoked" in cli("tokens", "list").out
    assert cli("tokens", "revoke", token["token_id"], "--json").json == {"revoked": token["token_id"]}


def test_a_token_is_made_for_a_tenant_and_namespace(cli: Cli) -> None:
    made = cli("tokens", "create", "x", "--admin", "--tenant", "acme", "--namespace", "sales*", "--json").json
    assert made["token"]["grants"] == [{"action": "admin", "tenant": "acme", "namespace": "sales*", "kinds": ["*"]}]
    assert made["token"]["expires_at"] is None
    cli("tokens", "create", "y", "--read", "*", "--tenant", "*")
    assert [token["name"] for token in cli("tokens", "list", "--tenant", "acme", "--json").json] == ["x"]
    assert "admin * in acme/sales*" in cli("tokens", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["x"], "would allow nothing"), (["", "--admin"], "name is empty"), (["x", "--admin", "--tenant", "x" * 600], "is no pattern")],
)
def test_a_token_that_makes_no_sense_is_refused(cli: Cli, arguments: list[str], message: str) -> None:
    answer = cli("tokens", "create", *arguments)
    assert answer.code == 2
    assert message in answer.err


def test_an_empty_list_says_how_to_make_one_and_a_wrong_id_is_said_so(cli: Cli) -> None:
    empty = cli("tokens", "list")
    assert (empty.out, "factbook tokens create" in empty.err) == ("", True)
    assert cli("tokens", "revoke", "token-none").code == 2
