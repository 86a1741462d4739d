"""No page shows anything of another tenant's: each is asked, with a token of one, for what belongs to the other and for what never was."""

import re

import pytest
from tests.access.routes import routes as operations
from tests.web.conftest import opened

from factbook.access import Action, Grant
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.codec import to_record
from factbook_sdk.facts.kinds.data_contract import contract_target
from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm

MARK = "kraken"
USED = {"source_id": "source_id", "search": "table"}
"""The names that parameters hold."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server with two tenants that are not its own; the other one has something of everything, marked."""
    with opened(tmp_path_factory.mktemp("tenants"), tenant="somebody", api_key="the-key-of-the-house") as client:
        house, rooms = client.house, client.house.of("harbour")
        rooms.connections.add("theirs", f"postgresql://{MARK}:{MARK}@{MARK}.example/{MARK}")
        target, context = MetadataTarget("theirs", "quays", "boats"), MetadataContext(tenant="harbour", run_id=MARK)
        snapshot = {"object_type": "table", "comment": MARK, "columns": [{"name": f"{MARK}_id", "position": 1, "data_type": "int"}]}
        product = {"name": "voyages", "domain": "seafaring", "status": "active", "description": MARK, "owners": [{"name": MARK}]}
        document = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "berths-daily", "version": "1.0.0", "status": "active"}
        contract = {"contract_id": "berths-daily", "version": "1.0.0", "status": "active", "description": MARK, "document": document}
        alert = {"rule": MARK, "state": "firing", "severity": "error", "title": MARK}
        moment = to_record(
            {"target": {"source_id": "x"}, "kind": "x", "payload": {}, "produced_at": "2026-01-01T00:00:00Z", "producer_id": "x"}
        )
        house.repository.bulk_store(
            [
                MetadataRecord(target, "schema_snapshot", snapshot, moment.produced_at, MARK, context),
                MetadataRecord(target, "alert", alert, moment.produced_at, MARK, context),
                MetadataRecord(product_target("voyages"), "data_product", product, moment.produced_at, MARK, context),
                MetadataRecord(contract_target("berths-daily"), "data_contract", contract, moment.produced_at, MARK, context),
                MetadataRecord(
                    target,
                    "annotation",
                    {"author_type": "person", "notes": [{"property": "owner", "value": MARK}]},
                    moment.produced_at,
                    MARK,
                    context,
                ),
            ],
            atomic=True,
        )
        guess = {"author_type": "agent", "notes": [{"property": "tag", "value": f"{MARK} tag", "confidence": 0.5}]}
        house.repository.store(MetadataRecord(target, "annotation", guess, moment.produced_at, f"agent:{MARK}", context))
        rooms.glossary.add("helmsman", GlossaryTerm(MARK, definition=MARK), author=f"person:{MARK}")
        job = rooms.jobs.submit("scan", {"source_id": "theirs", "note": MARK}, target=MetadataTarget("theirs"), trigger=MARK)
        rooms.jobs.cancel(job.job_id)
        token = house.tokens.create(f"{MARK} token", [Grant(Action.READ, "harbour")], created_by=MARK).token.token_id
        [found] = rooms.alerts.page().items
        names = {
            "source_id": "theirs",
            "schema": "quays",
            "table": "boats",
            "job_id": job.job_id,
            "token_id": token,
            "alert_id": found.alert_id,
        }
        names["name"] = "schema_snapshot"
        names["key"] = "helmsman"
        names["suggestion_id"] = rooms.suggestions.page("theirs").items[0].id
        names |= {"product": "voyages", "domain": "seafaring", "contract_id": "berths-daily"}
        names["offset"] = str(house.repository.query("alert", tenant="harbour").records[0].offset).zfill(12)
        client.names = names
        client.held = {
            action: house.tokens.create(action, [Grant(Action(action), "orchard")], created_by="test").value
            for action in ("read", "write", "admin")
        }
        client.theirs = house.tokens.create("theirs", [Grant(Action.ADMIN, "harbour")], created_by="test").value
        yield client


def routes(app):
    found = [(route.method, route.path) for route in operations(app) if route.path.startswith("/ui")]
    assert len(found) > 35
    return sorted(found)


def ask(world, token, method, path, names, **params):
    filled = re.sub(r"\{(\w+)\}", lambda match: names[match[1]], path)
    forms = {"/ui/new-source": {"source_id": names["source_id"], "url": "sqlite:///x"}, "/ui/tokens": {"name": "x"}}
    forms["/ui/term/{key}/status"] = {"status": "approved", "expected": "none"}
    forms["/ui/term/{key}/remove"] = {"expected": "none"}
    forms["/ui/term/{key}/attach"] = forms["/ui/term/{key}/detach"] = {"place": f"{names['source_id']}/public/{names['table']}"}
    forms["/ui/new-term"] = {"name": "Of our own", "broader": names["key"]}
    data = {"data": forms[path]} if method == "POST" and path in forms else {}
    headers = {"authorization": f"Bearer {token}", "host": "factbook.example"}
    return world.request(method, filled, params=params, headers=headers, **data)


def neutral(text, names):
    text = re.sub(r"\b[0-9a-f]{32}\b", "<request>", text)
    for place, value in names.items():
        text = text.replace(value, f"<{place}>")
    text = re.sub(r"fbt_[A-Za-z0-9_\-]{43}", "<value>", text)
    return re.sub(r"token-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ][0-9:.]+(Z|\+00:00| UTC)?", "<new>", text)


@pytest.mark.parametrize("action", ["read", "write", "admin"])
def test_what_is_theirs_is_answered_as_what_never_was(world, action):
    never = {place: value if place == "name" else value[:-1] + ("0" if value[-1] != "0" else "1") for place, value in world.names.items()}
    for method, path in routes(world.app):
        if path in ("/ui/tokens", "/ui/tokens.json", "/ui/new-source", "/ui/new-term") and action == "admin" and method == "POST":
            continue  # these make something of their own, see below
        for asks in ((), ("source_id", "search")):
            theirs, other = (
                ask(world, world.held[action], method, path, names, kind="schema_snapshot", **{name: names[USED[name]] for name in asks})
                for names in (world.names, never)
            )
            assert MARK not in theirs.text, (method, path)
            assert theirs.status_code == other.status_code < 500, (method, path, theirs.text[:300])
            assert neutral(theirs.text, world.names) == neutral(other.text, never), (method, path)


def test_naming_the_other_tenant_is_refused(world):
    for method, path in routes(world.app):
        answer = ask(world, world.held["admin"], method, path, world.names, tenant="harbour", kind="alert")
        assert answer.status_code == 403, (method, path)
        assert MARK not in answer.text


def test_the_owner_sees_what_the_others_did_not(world):
    seen = [
        path
        for method, path in routes(world.app)
        if method == "GET" and MARK in ask(world, world.theirs, "GET", path, world.names, kind="alert", search="boats").text
    ]
    assert {"/ui/alerts", "/ui/tokens", "/ui/job/{job_id}", "/ui/records", "/ui/search", "/ui/table/{source_id}/{schema}/{table}"} <= set(
        seen
    )
    assert {"/ui/products", "/ui/product/{product}", "/ui/domain/{domain}", "/ui/contract/{contract_id}"} <= set(seen)


def test_an_admin_of_a_tenant_makes_tokens_of_that_tenant(world):
    made = ask(world, world.held["admin"], "POST", "/ui/tokens", world.names)
    assert made.status_code == 201
    [token] = [token for token in world.house.tokens.list("orchard") if token.name == "x"]
    assert [grant.tenant for grant in token.grants] == ["orchard"]
