"""The pages by which people run Factbook: what they tell of sources, connections and jobs in every state, and what they never tell."""

import html
import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from tests.web.conftest import HOSTILE, opened

from factbook.access import Action, Grant
from factbook.jobs import Progress
from factbook.jobs.queue import JobQueue
from factbook.web.pages import connections, home, jobs, sources
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

OWN = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
PASSWORD = "correct-horse-battery"
NOW = datetime.now(UTC)
NOWHERE = "postgresql://nobody@127.0.0.1:1/shop"


@pytest.fixture
def idle(tmp_path):
    """An empty store whose server runs no jobs."""
    with opened(tmp_path, job_workers=0, watch=False) as client:
        yield client


@pytest.fixture(scope="module")
def desk(folder, tmp_path_factory):
    """A copy of the store to work on, whose server runs no jobs."""
    place = tmp_path_factory.mktemp("operations")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    with opened(place, job_workers=0) as client:
        yield client


def tell(client, target, kind, payload, *, producer="test.v1", at=NOW, run=None):
    record = MetadataRecord(target, kind, payload, at, producer, MetadataContext(run_id=run))
    assert client.house.repository.store(record).outcome == "stored"


def scanned(client, name, *, at=NOW, complete=True, held=0, failed=0):
    counts = {"tables": 3, "added": 0, "changed": 0, "unchanged": 3, "removed": 0, "failed": failed}
    scan = {
        "engine": "postgresql",
        "engine_version": "16.1",
        "scope": {},
        "schemas": {"public": {"complete": complete, **({} if complete else {"reason": f"no right {HOSTILE}"})}},
        "schemas_complete": True,
        "counts": counts,
        "duration_seconds": 1.0,
        "removals_held": held,
    }
    tell(client, MetadataTarget(name), "catalog_scan", scan, at=at)


def ran(client, name, *states, job_id=None, **run):
    """Tell of a scan job that came through these states, a second apart; return its id."""
    job_id = job_id or f"scan-{name}"
    common = {"job_id": job_id, "job_type": "scan", "max_attempts": 3, "parameters": {"source_id": name}}
    for number, state in enumerate(states):
        last = run if number == len(states) - 1 else {}
        at = NOW - timedelta(minutes=5) + timedelta(seconds=number)
        tell(client, MetadataTarget(name), "job_run", {**common, "state": state, **last}, producer="jobs.v1", at=at, run=job_id)
    return job_id


def text_of(answer):
    assert answer.status_code == 200, answer.text[:300]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def standings(client, path="/ui/sources.json"):
    return {item["source_id"]: item["standing"] for item in client.get(path).json()[("items" if "sources" in path else "sources")]}


def test_sources_say_how_they_stand_and_those_in_trouble_come_first(idle):
    for name in ("all-well", "broken", "held", "new", "partly", "waits"):
        idle.house.connections.add(name, f"postgresql://u@{name}.example/x", password=PASSWORD)
    scanned(idle, "all-well", at=NOW - timedelta(days=2))
    scanned(idle, "broken", at=NOW - timedelta(days=2))
    ran(idle, "broken", "queued", "running", "failed", error={"code": "source_unavailable", "message": f"It does not answer {HOSTILE}"})
    scanned(idle, "held", held=40)
    scanned(idle, "partly", complete=False)
    idle.house.submit_scan("waits")
    expected = {"all-well": "read", "broken": "failed", "held": "held", "new": "unscanned", "partly": "incomplete", "waits": "waiting"}
    assert standings(idle) == expected
    first = idle.get("/ui/home.json").json()
    assert [item["source_id"] for item in first["sources"]][:3] == ["broken", "held", "partly"]
    assert (first["total"], first["troubled"]) == (6, 3)
    for path in ("/ui", "/ui/sources"):
        answer = idle.get(path)
        shown = text_of(answer)
        assert "the last scan failed" in shown
        assert "40 would be removed" in shown
        assert "not read completely" in shown
        assert "not scanned yet" in shown
        assert HOSTILE in shown
        assert HOSTILE not in answer.text
        assert PASSWORD not in answer.text
    trouble = text_of(idle.get("/ui/connection/held"))
    assert "40 objects are not there any more" in trouble
    assert "( 40 wait for that)" in trouble
    assert f"schema public: no right {HOSTILE}" in text_of(idle.get("/ui/connection/partly"))


def test_sources_are_found_paged_and_shown_as_they_were(idle, monkeypatch):
    for name in ("alpha", "beta", "gamma"):
        idle.house.connections.add(name, NOWHERE, password="x")
    scanned(idle, "alpha", at=NOW - timedelta(days=9))
    monkeypatch.setattr(sources, "SOURCES_SHOWN", 2)
    monkeypatch.setattr(connections, "CONNECTIONS", 2)
    for path in ("/ui/sources", "/ui/connections"):
        first = idle.get(f"{path}.json").json()
        assert ([item["source_id"] for item in first["items"]], first["total"]) == (["alpha", "beta"], 3)
        [following] = re.findall(rf'href="({path}\?[^"]*cursor[^"]*)"', idle.get(path).text)
        assert "gamma" in idle.get(html.unescape(following)).text
        assert [item["source_id"] for item in idle.get(f"{path}.json?source=AMM").json()["items"]] == ["gamma"]
        assert "has such a name" in idle.get(f"{path}?source=%3Cb%3E").text
    before = idle.get(f"/ui/sources?as_of={(NOW - timedelta(days=10)).date()}")
    assert "not scanned by then" in before.text
    assert "Jobs are not shown for a past moment" in before.text


def test_what_is_known_of_a_source_stays_when_its_connection_goes(desk):
    asked = desk.get("/ui/connection/shop")
    assert "Everything that is known of it stays" in asked.text
    assert '<form method="post" action="/ui/connection/shop/remove">' in asked.text
    led = desk.post("/ui/connection/shop/remove", headers=OWN)
    assert led.headers["location"] == "/ui/connections?done=removed"
    assert "Removed." in desk.get(led.headers["location"]).text
    assert not desk.house.connections.knows("shop")
    listed = desk.get("/ui/sources.json").json()
    assert ([item["source_id"] for item in listed["items"]], listed["connected"]) == (["shop"], [])
    assert "not registered" in desk.get("/ui/sources").text
    assert desk.get("/ui/source/shop").status_code == 200
    assert desk.get("/ui/connection/shop").status_code == 404
    desk.house.connections.add("shop", desk.house.settings.source_db_url)


def test_checks_that_do_not_hold_are_told_until_they_hold_again(idle):
    idle.house.connections.add("shop", NOWHERE, password="x")
    table = MetadataTarget("shop", "public", "orders")
    rule = {"rule": HOSTILE, "check": "not_null", "dimension": "completeness"}
    tell(idle, table, "quality_result", rule | {"outcome": "failed"}, at=NOW - timedelta(hours=3))
    tell(idle, table, "quality_result", rule | {"rule": "old", "outcome": "failed"}, at=NOW - timedelta(days=30))
    tell(idle, table, "sla_adherence", {"name": "by six", "objective": "freshness", "outcome": "missed"}, at=NOW - timedelta(hours=2))
    tell(idle, table, "recon_result", {"check": "rows", "outcome": "timed_out"}, at=NOW - timedelta(hours=1))
    shown = text_of(idle.get("/ui"))
    assert f"rule {HOSTILE} of shop.public.orders" in shown
    assert "promise by six of" in shown
    assert "reconciliation rows of" in shown
    assert [item["name"] for item in idle.get("/ui/home.json").json()["failing"]["items"]] == ["rows", "by six", HOSTILE]
    alert = {"rule": "sla_adherence.missed", "state": "firing", "severity": "warning", "title": "by six was missed"}
    tell(idle, table, "alert", alert, producer="watch.a")
    assert [item["name"] for item in idle.get("/ui/home.json").json()["failing"]["items"]] == ["rows", HOSTILE]
    tell(idle, table, "alert", alert | {"state": "resolved"}, producer="watch.a", at=NOW + timedelta(seconds=1))
    tell(idle, table, "quality_result", rule | {"outcome": "passed"})
    tell(idle, table, "recon_result", {"check": "rows", "outcome": "passed"})
    assert [item["name"] for item in idle.get("/ui/home.json").json()["failing"]["items"]] == ["by six"]
    then = (NOW - timedelta(minutes=150)).isoformat().replace("+00:00", "Z")
    assert [item["name"] for item in idle.get(f"/ui/home.json?as_of={then}").json()["failing"]["items"]] == [HOSTILE]


def test_home_is_calm_and_says_so_where_nothing_needs_anybody(idle):
    idle.house.connections.add("shop", NOWHERE, password="x")
    shown = text_of(idle.get("/ui"))
    assert "No scan found a change." in shown
    assert "Nothing needs attention." in shown
    assert "Under way" not in shown
    past = text_of(idle.get("/ui?as_of=2026-01-01"))
    assert "Alerts and jobs are not shown for a past moment." in past


def test_an_empty_store_offers_a_sample_that_is_scanned(tmp_path):
    with opened(tmp_path, job_workers=1) as client:
        page = client.get("/ui").text
        assert 'action="/ui/sample"' in page
        assert 'href="/ui/new-source"' in page
        led = client.post("/ui/sample", headers=OWN).headers["location"]
        for _ in range(200):
            if client.house.jobs.get(led.rsplit("/", 1)[1]).state == "succeeded":
                break
            client.get(led, headers={"hx-request": "true"})
        assert "11" in text_of(client.get(led))
        assert client.get("/ui/source/chinook").status_code == 200
        assert "was scanned for the first time: 11 tables" in text_of(client.get("/ui"))


def test_the_sample_is_for_those_who_run_the_server(keyed, signed_in):
    for asked in (signed_in("write"), signed_in("admin")):
        assert keyed.post("/ui/sample", headers=asked).status_code == 403
    assert keyed.post("/ui/sample", headers=signed_in("admin", "elsewhere")).status_code == 400
    page = keyed.get("/ui", headers=signed_in("admin", "elsewhere")).text
    assert "Nothing is known yet" in page
    assert "/ui/sample" not in page


def test_a_connection_is_changed_without_its_password_being_told(idle, monkeypatch):
    idle.house.connections.add("shop", f"postgresql://me:{PASSWORD}@127.0.0.1:1/shop")
    tried = []
    monkeypatch.setattr("factbook.sources.connectors.connector_for", lambda url: tried.append(url) or Answering())
    where = "/ui/connection/shop"
    for path in (where, f"{where}.json", "/ui/connections", "/ui/connections.json"):
        assert PASSWORD not in idle.get(path).text
    assert "It answers: postgresql 16.1" in idle.post(f"{where}/test", headers=OWN).text
    moved = "postgresql://me@127.0.0.1:1/other"
    shown = idle.post(where, data={"url": moved, "do": "test"}, headers=OWN)
    assert f'value="{moved}"' in shown.text
    assert idle.house.connections.get("shop").url == "postgresql://me@127.0.0.1:1/shop"
    assert idle.post(where, data={"url": moved, "do": "save"}, headers=OWN).headers["location"] == f"{where}?done=saved"
    assert idle.house.connections.get("shop").url == moved
    assert tried == [f"postgresql://me:{PASSWORD}@127.0.0.1:1/{name}" for name in ("shop", "other", "other")]
    idle.post(where, data={"url": "postgresql://me@evil.example/other", "do": "save"}, headers=OWN)
    assert tried[-1] == "postgresql://me@evil.example/other"
    assert not idle.house.connections.get("shop").has_password
    inline = idle.post(where, data={"url": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x", "do": "test"}, headers=OWN)
    assert PASSWORD not in inline.text


class Answering:
    """A connector that answers."""

    def probe(self):
        from factbook.sources.contract import Probe

        return Probe("postgresql", "16.1", "postgres://x", [HOSTILE, "public"])


@pytest.mark.parametrize(
    "url", [f"postgresql://me:{PASSWORD}@127.0.0.1:1/shop", f"nonsense:{PASSWORD}@x", "sqlite:///${NOTHING_OF_THAT_NAME}"]
)
def test_what_does_not_answer_is_not_saved(idle, url, capsys):
    idle.house.connections.add("shop", NOWHERE, password="first")
    before = idle.house.connections.resolve("shop")
    answer = idle.post("/ui/connection/shop", data={"url": url, "do": "save"}, headers=OWN)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    logged = capsys.readouterr()
    assert PASSWORD not in answer.text + logged.out + logged.err
    assert idle.house.connections.resolve("shop") == before
    assert idle.post("/ui/connection/shop/test", headers=OWN).status_code == 400


def test_a_scan_is_started_with_what_it_is_to_read(idle):
    idle.house.connections.add("shop", NOWHERE, password="x")
    form = {"include": "sales, public.order*\nstock", "exclude": "*.tmp_*", "accept_removals": "yes"}
    where = idle.post("/ui/source/shop/scan", data=form, headers=OWN).headers["location"]
    asked = idle.get(f"{where}.json").json()["job"]["parameters"]
    assert asked["scope"] == {"include": ["sales", "public.order*", "stock"], "exclude": ["*.tmp_*"]}
    assert asked["accept_removals"] is True
    where = idle.post("/ui/source/shop/scan", headers=OWN).headers["location"]
    assert idle.get(f"{where}.json").json()["job"]["parameters"]["accept_removals"] is False
    assert idle.post("/ui/source/nowhere/scan", headers=OWN).status_code == 404


def test_quality_is_judged_where_the_server_has_rules(idle, folder, tmp_path):
    idle.house.connections.add("shop", NOWHERE, password="x")
    assert "QUALITY_RULES" in idle.get("/ui/connection/shop").text
    refused = idle.post("/ui/source/shop/quality", headers=OWN)
    assert refused.status_code == 400
    assert "No rules are given" in refused.text
    rules = tmp_path / "rules.yaml"
    rules.write_text("source: shop\ntables:\n  - table: main.customer\n    checks:\n      - not_null: [email]\n")
    place = tmp_path / "judged"
    shutil.copytree(folder, place)
    with opened(place, job_workers=0, quality_rules=rules) as client:
        assert 'action="/ui/source/shop/quality"' in client.get("/ui/connection/shop").text
        where = client.post("/ui/source/shop/quality", headers=OWN).headers["location"]
        assert client.get(f"{where}.json").json()["job"]["job_type"] == "quality"


JOB_STATES = [
    (("queued",), {}, "It waits for a worker. This server runs no jobs itself"),
    (
        ("queued", "running", "queued"),
        {"attempt": 1, "run_after": (NOW + timedelta(hours=1)).isoformat(), "error": {"code": "source_unavailable", "message": "busy"}},
        "It is tried again at",
    ),
    (
        ("queued", "running", "queued"),
        {
            "attempt": 1,
            "run_after": (NOW - timedelta(hours=1)).isoformat(),
            "error": {"code": "worker_lost", "message": "Worker lost: w was not heard of for 30 s"},
        },
        "Its worker was lost; it waits for another.",
    ),
    (("queued", "running"), {"attempt": 1, "worker_id": "w-1"}, "at work, no progress told yet"),
    (
        ("queued", "running", "failed"),
        {"attempt": 3, "error": {"code": "source_unavailable", "message": HOSTILE, "cause": "OperationalError"}},
        "after 3 attempts",
    ),
    (("queued", "cancelled"), {}, "cancelled"),
    (("queued", "running", "succeeded"), {"attempt": 1, "result": {"rows": HOSTILE}}, "What it wrote"),
]


@pytest.mark.parametrize(("states", "run", "says"), JOB_STATES, ids=[says for _, _, says in JOB_STATES])
def test_a_job_says_how_it_stands_and_how_it_came_there(idle, states, run, says):
    job_id = ran(idle, "shop", *states, **run)
    answer = idle.get(f"/ui/job/{job_id}")
    assert says in text_of(answer)
    assert HOSTILE not in answer.text
    assert [step["state"] for step in idle.get(f"/ui/job/{job_id}.json").json()["steps"]] == list(states)
    assert ("hx-get" in answer.text.split('id="state"')[1]) == (states[-1] in ("queued", "running"))
    assert f'href="/ui/job/{job_id}"' in idle.get("/ui/jobs").text


def test_progress_is_shown_while_a_job_runs_and_that_it_was_asked_to_stop(idle):
    idle.house.connections.add("shop", NOWHERE, password="x")
    job = idle.house.submit_scan("shop")
    lease = idle.house.jobs.claim("somebody")
    queue = JobQueue(idle.house.sql, tenant="default", lease_seconds=30)
    queue.renew(lease, Progress(3, 12, HOSTILE))
    for path in (f"/ui/job/{job.job_id}", "/ui/jobs", "/ui/jobs/live", "/ui", "/ui/sources"):
        answer = idle.get(path)
        assert '<progress max="12" value="3"' in answer.text, path
        assert HOSTILE not in answer.text
    for path in ("/ui/jobs", "/ui/jobs/live"):
        part = idle.get(path, headers={"hx-request": "true"}).text
        assert "<html" not in part
        assert 'hx-trigger="every 2s"' in part
    page = idle.get(f"/ui/job/{job.job_id}").text
    assert "<summary>Cancel</summary>" in page
    idle.post(f"/ui/job/{job.job_id}/cancel", headers=OWN)
    page = idle.get(f"/ui/job/{job.job_id}").text
    assert "It was asked to stop" in page
    assert "<summary>Cancel</summary>" not in page
    queue.cancel(lease)
    for path in (f"/ui/job/{job.job_id}", "/ui/jobs", "/ui/jobs/live"):
        assert "hx-get" not in idle.get(path, headers={"hx-request": "true"}).text
    assert "Nothing runs or waits." in idle.get("/ui/jobs/live", headers={"hx-request": "true"}).text


def test_a_job_names_what_it_wrote_and_what_repeats_it(idle):
    job_id = ran(idle, "shop", "queued", "running", "failed", error={"code": "x", "message": "y"})
    tell(idle, MetadataTarget("shop", "public", "t"), "ingestion_volume", {"row_count": 1}, run=job_id, at=NOW - timedelta(minutes=5))
    assert idle.get(f"/ui/job/{job_id}.json").json()["wrote"] == [{"kind": "ingestion_volume", "count": 1, "is_more": False}]
    [written] = re.findall(r'href="(/ui/records[^"]+)"', idle.get(f"/ui/job/{job_id}").text.split("<main")[1])
    assert "row_count" in idle.get(html.unescape(written)).text
    again = idle.post(f"/ui/job/{job_id}/retry", headers=OWN).headers["location"]
    assert f'href="/ui/job/{job_id}"' in idle.get(again).text
    assert f'href="{again}"' in idle.get(f"/ui/job/{job_id}").text


def test_jobs_are_chosen_by_state_type_and_source(idle, monkeypatch):
    idle.house.connections.add("shop", NOWHERE, password="x")
    idle.house.connections.add("crm", NOWHERE, password="x")
    scan, other = idle.house.submit_scan("shop"), idle.house.submit_scan("crm")
    profile = idle.house.own.submit_profile("shop")
    idle.house.jobs.cancel(other.job_id)
    for query, found in (
        ("job_type=scan", {scan.job_id, other.job_id}),
        ("job_type=profile&source_id=shop", {profile.job_id}),
        ("state=queued&source_id=shop", {scan.job_id, profile.job_id}),
        ("state=cancelled", {other.job_id}),
        ("job_type=%3Cb%3E", set()),
    ):
        assert {job["job_id"] for job in idle.get(f"/ui/jobs.json?{query}").json()["items"]} == found, query
    assert "No job is like that." in idle.get("/ui/jobs?job_type=nothing").text
    monkeypatch.setattr(jobs, "JOBS", 2)
    [following] = re.findall(r'href="(/ui/jobs\?[^"]*cursor[^"]*)"', idle.get("/ui/jobs").text)
    assert scan.job_id in idle.get(html.unescape(following)).text
    assert idle.get("/ui/jobs?state=asleep").status_code == 400


def test_a_job_that_whoever_looks_may_see_shows_no_facts_beyond(keyed, signed_in, client):
    job_id = client.house.jobs.page(limit=1, job_type="scan").items[0].job_id
    narrow = signed_in("read", "default", ("job_run",))
    assert keyed.get(f"/ui/job/{job_id}.json", headers=narrow).json()["wrote"] == []
    page = keyed.get(f"/ui/job/{job_id}", headers=narrow).text
    assert "It wrote no fact that you may read" in page
    assert "Try again" not in page
    home_page = keyed.get("/ui", headers=narrow).text
    assert "Your token does not show sources." in home_page
    assert "Your token does not show alerts." in home_page
    assert keyed.get("/ui/home.json", headers=narrow).json()["failing"] is None


CLOSED = [
    "/ui/sources",
    "/ui/connections",
    "/ui/connection/shop",
    "/ui/jobs",
    "/ui/jobs/live",
    "/ui/alerts",
    "/ui/rules",
    "/ui/audit",
    "/ui/tokens",
]


@pytest.mark.parametrize("path", CLOSED)
def test_who_may_read_something_else_is_turned_away(keyed, signed_in, path):
    narrow = signed_in("read", "default", ("lineage",))
    for asked in (path, f"{path}.json"):
        assert keyed.get(asked, headers=narrow).status_code == 403


DEEDS = ["/ui/connection/shop", "/ui/connection/shop/test", "/ui/connection/shop/remove", "/ui/source/shop/quality", "/ui/sample"]


@pytest.mark.parametrize("path", DEEDS)
def test_a_reader_starts_and_changes_nothing(keyed, signed_in, path):
    assert keyed.post(path, data={"url": "sqlite:///x"}, headers=signed_in("read")).status_code == 403
    shown = keyed.get("/ui/connection/shop", headers=signed_in("read")).text
    assert f'method="post" action="{path}"' not in shown


def test_an_admin_of_the_servers_own_tenant_changes_no_address_by_token(keyed, signed_in):
    admin = signed_in("admin")
    assert keyed.post("/ui/connection/shop", data={"url": "sqlite:////etc/passwd", "do": "save"}, headers=admin).status_code == 403
    page = keyed.get("/ui/connection/shop", headers=admin).text
    assert 'name="url"' not in page
    assert 'action="/ui/connection/shop/remove"' in page


def test_home_is_as_quick_as_it_is_short(idle, monkeypatch):
    monkeypatch.setattr(home, "SHOWN", 2)
    for number in range(5):
        idle.house.connections.add(f"source{number}", NOWHERE, password="x")
        alert = {"rule": "late", "state": "firing", "severity": "error", "title": f"late {number}"}
        tell(idle, MetadataTarget(f"source{number}"), "alert", alert)
    shown = text_of(idle.get("/ui"))
    assert "All 5 sources" in shown
    assert "All open alerts" in shown


def test_a_grant_is_given_away_by_whoever_has_it(keyed, signed_in):
    form = {"name": "x", "tenant": "elsewhere"}
    assert keyed.post("/ui/tokens", data=form, headers=signed_in("admin")).status_code == 403
    assert 'name="tenant"' not in keyed.get("/ui/tokens", headers=signed_in("admin")).text


def test_a_token_is_made_with_several_grants_and_an_end(desk):
    form = {"name": HOSTILE, "days": "7", "kinds": "lineage", "namespace": "eu*", "action_2": "write", "kinds_2": "ingestion_*"}
    made = desk.post("/ui/tokens", data=form, headers=OWN)
    assert made.status_code == 201
    assert HOSTILE not in made.text
    [token] = [token for token in desk.house.tokens.list("default") if token.name == HOSTILE]
    assert token.grants == [
        Grant(Action.READ, "default", "eu*", ("lineage",)),
        Grant(Action.WRITE, "default", "*", ("ingestion_*",)),
    ]
    assert timedelta(days=6) < token.expires_at - datetime.now(UTC) <= timedelta(days=7)
    shown = desk.get("/ui/tokens").text
    assert "read lineage in eu*" in shown
    assert f'<form method="post" action="/ui/token/{token.token_id}/revoke">' in shown
    assert "cannot be undone" in shown


def test_a_token_that_cannot_be_made_is_shown_with_what_is_wrong(desk):
    answer = desk.post("/ui/tokens", data={"name": "", "kinds": "lineage", "namespace": "eu"}, headers=OWN)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'value="eu"' in answer.text
    assert "fbt_" not in answer.text


def test_audit_tells_who_did_what(idle, monkeypatch):
    since = NOW.isoformat()
    for number, (name, action, outcome, subject) in enumerate(
        (("loader", "write", "done", "job-1"), (HOSTILE, "admin", "refused", None), ("loader", "admin", "done", "token-7"))
    ):
        deed = {"actor": {"who": "token", "name": name, "token_id": "token-1"}, "action": action, "outcome": outcome, "requests": 2}
        deed |= {"since": since, "until": since, "route": "POST /x"} | ({"subject": subject} if subject else {})
        tell(idle, MetadataTarget("factbook"), "audit", deed, at=NOW - timedelta(days=number))
    answer = idle.get("/ui/audit")
    assert HOSTILE in text_of(answer)
    assert HOSTILE not in answer.text
    yesterday = (NOW - timedelta(hours=12)).isoformat().replace("+00:00", "Z")
    for query, count in (("who=load", 2), ("action=admin", 2), ("outcome=refused", 1), ("about=token-7", 1), (f"since={yesterday}", 1)):
        assert len(idle.get(f"/ui/audit.json?{query}").json()["items"]) == count, query
    assert "Nothing like that was done." in idle.get("/ui/audit?who=nobody").text
    monkeypatch.setattr("factbook.web.pages.audit.DEEDS", 2)
    [following] = re.findall(r'href="(/ui/audit\?[^"]*cursor[^"]*)"', idle.get("/ui/audit").text)
    assert "token-7" in idle.get(html.unescape(following)).text
    assert idle.get("/ui/audit?since=yesterday").status_code == 400
    with_reads = text_of(answer)
    assert "reads are not, as AUDIT_READS is off" in with_reads


def test_documentation_is_counted_on_until_all_is(desk, monkeypatch):
    columns = [{"name": "id", "position": 1, "data_type": "int", "comment": "the key"}]
    for name in ("one", HOSTILE):
        target = MetadataTarget(name, "main", "t")
        tell(desk, target, "schema_snapshot", {"object_type": "table", "columns": columns}, producer="scan.v1")
    monkeypatch.setattr("factbook.web.pages.documentation.COUNT_SECONDS", -1)
    desk.house.own.__dict__.pop("remembered_coverage", None)
    assert desk.get("/ui/home.json").json()["documentation"]["uncounted"] == 3
    assert 'hx-get="/ui/documentation?most=5"' in desk.get("/ui").text
    left = [desk.get("/ui/documentation?most=1", headers={"hx-request": "true"}).text for _ in range(3)]
    assert ["hx-get" in part for part in left] == [True, True, False]
    assert "<html" not in left[-1]
    assert '<a href="/ui/documentation">All' in left[-1]
    assert HOSTILE not in desk.get("/ui/documentation").text
    found = desk.get("/ui/documentation.json").json()
    assert {item["source_id"]: item["coverage"]["share"] for item in found["items"] if item["source_id"] != "shop"} == {
        HOSTILE: 0.5,
        "one": 0.5,
    }
    assert desk.get("/ui/home.json").json()["documentation"]["uncounted"] == 0


def test_documentation_is_closed_to_whom_tables_are(keyed, signed_in):
    narrow = signed_in("read", "default", ("catalog_scan",))
    assert keyed.get("/ui/documentation", headers=narrow).status_code == 403
    assert keyed.get("/ui/home.json", headers=narrow).json()["documentation"] is None
