"""What forms do, sent as a browser sends them: by whoever may, and by nobody else."""

import re
import shutil
import time

import pytest
from tests.web.conftest import HOSTILE, opened

from factbook.jobs import Job

PASSWORD = "correct-horse-battery"
OWN = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def desk(folder, tmp_path_factory):
    """A copy of the store to work on, as somebody on this machine who may do everything."""
    place = tmp_path_factory.mktemp("desk")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    with opened(place, job_attempts=1) as client:
        yield client


def ended(desk, job_id) -> Job:
    deadline = time.monotonic() + 60
    while (job := desk.house.jobs.get(job_id)).state in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return job


def started(desk, path):
    answer = desk.post(path, headers=OWN)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/ui/job/")
    return answer.headers["location"]


@pytest.mark.parametrize("deed", ["scan", "profile"])
def test_a_job_is_started_and_its_page_asks_again_until_it_ends(desk, deed):
    page = desk.get("/ui/source/shop")
    assert f'action="/ui/source/shop/{deed}"' in page.text
    where = started(desk, f"/ui/source/shop/{deed}")
    part = desk.get(where, headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert ended(desk, where.rsplit("/", 1)[1]).state == "succeeded"
    part = desk.get(where, headers={"hx-request": "true"})
    assert "hx-get" not in part.text
    assert "succeeded" in part.text
    whole = desk.get(where)
    assert part.text.strip() in whole.text
    assert "Result" in whole.text


def test_a_waiting_job_asks_again_and_is_cancelled_and_tried_again(tmp_path):
    with opened(tmp_path, job_workers=0) as idle:
        idle.house.connections.add("shop", "sqlite:////nowhere.sqlite")
        where = started(idle, "/ui/source/shop/scan")
        page = idle.get(where)
        assert f'hx-get="{where}"' in page.text
        assert 'hx-trigger="every 1s"' in page.text
        assert f'action="{where}/cancel"' in page.text
        assert where in idle.get("/ui").text
        assert idle.post(f"{where}/cancel", headers=OWN).headers["location"] == where
        assert idle.house.jobs.get(where.rsplit("/", 1)[1]).state == "cancelled"
        page = idle.get(where)
        assert f'action="{where}/retry"' in page.text
        assert 'hx-get="/ui/job' not in page.text
        again = started(idle, f"{where}/retry")
        assert again != where
        assert "queued" in idle.get(again).text


def test_a_failed_job_says_why_and_is_tried_again(desk):
    desk.house.connections.add("gone", "postgresql://nobody@127.0.0.1:1/gone")
    where = started(desk, "/ui/source/gone/scan")
    job = ended(desk, where.rsplit("/", 1)[1])
    assert job.state == "failed"
    page = desk.get(where)
    assert "127.0.0.1" in page.text
    assert "Try again" in page.text
    again = started(desk, f"{where}/retry")
    assert ended(desk, again.rsplit("/", 1)[1]).state == "failed"
    home = desk.get("/ui").text
    assert again in home
    assert where not in home
    assert again in desk.get(where).text
    assert where in desk.get(again).text
    desk.house.connections.remove("gone")


def test_a_source_is_tested_then_registered(desk, folder):
    assert "/ui/new-source" in desk.get("/ui").text
    form = {"source_id": "second", "url": f"sqlite:///{folder}/shop.sqlite", "password": ""}
    tested = desk.post("/ui/new-source", data=form | {"do": "test"}, headers=OWN)
    assert tested.status_code == 200
    assert "It answers: sqlite" in tested.text
    assert f'value="{form["url"]}"' in tested.text
    assert not desk.house.connections.knows("second")
    made = desk.post("/ui/new-source", data=form | {"do": "register"}, headers=OWN)
    assert (made.status_code, made.headers["location"]) == (303, "/ui/connection/second?done=registered")
    assert 'action="/ui/source/second/scan"' in desk.get("/ui/connection/second").text
    again = desk.post("/ui/new-source", data={"source_id": "second", "url": "sqlite:////nowhere", "do": "test"}, headers=OWN)
    assert again.status_code == 400
    assert "registered already" in again.text
    assert desk.house.connections.get("second").url == form["url"]
    desk.house.connections.remove("second")


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://nobody@127.0.0.1:1/shop", PASSWORD),
        (f"postgresql://nobody:{PASSWORD}@127.0.0.1:1/shop", ""),
        (f"nonsense:{PASSWORD}@somewhere", ""),
        (f"postgresql://nobody@127.0.0.1:1/shop?password={PASSWORD}", ""),
    ],
)
@pytest.mark.parametrize("do", ["test", "register"])
def test_what_does_not_answer_is_not_registered_and_its_password_told_to_nobody(desk, capsys, do, url, password):
    form = {"source_id": "wrong", "url": url, "password": password, "do": do}
    answer = desk.post("/ui/new-source", data=form, headers=OWN)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="wrong"' in answer.text
    assert not desk.house.connections.knows("wrong")
    logged = capsys.readouterr()
    assert PASSWORD not in answer.text + logged.out + logged.err


def test_an_alert_is_taken_over_and_says_by_whom(desk):
    page = desk.get("/ui/alerts")
    assert HOSTILE not in page.text
    [where] = re.findall(r'action="(/ui/alert/[^"]+/acknowledge)"', page.text)
    led = desk.post(where, headers=OWN).headers["location"]
    assert led == where.replace("/acknowledge", "?done=acknowledged")
    page = desk.get(led)
    assert "Acknowledged." in page.text
    assert page.text.count("looks after it") == 1
    page = desk.get("/ui/alerts")
    assert "acknowledged" in page.text
    assert "I look after it" not in page.text


def test_a_token_is_shown_once_and_revoked(desk):
    made = desk.post("/ui/tokens", data={"name": "loader <b>", "action": "write", "kinds": "ingestion_volume, lineage"}, headers=OWN)
    assert made.status_code == 201
    [value] = re.findall(r"fbt_[A-Za-z0-9_\-]{43}", made.text)
    assert "<b>" not in made.text
    later = desk.get("/ui/tokens")
    assert "write ingestion_volume, lineage" in later.text
    assert value not in later.text
    assert value not in desk.get("/ui/tokens.json").text
    [where] = re.findall(r'action="(/ui/token/[^"]+/revoke)"', later.text)
    assert desk.post(where, headers=OWN).headers["location"] == "/ui/tokens?done=revoked"
    assert "revoked" in desk.get("/ui/tokens").text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "same-site", "content-type": "text/plain"},
        {"sec-fetch-site": "cross-site", "content-type": "application/json"},
    ],
)
@pytest.mark.parametrize("path", ["/ui/source/shop/scan", "/ui/source/shop/profile", "/ui/new-source", "/ui/tokens"])
def test_another_site_changes_nothing(desk, headers, path):
    before = (len(desk.house.jobs.page(limit=500).items), len(desk.house.tokens.list("default")), desk.house.connections.list())
    form = "name=mine&source_id=mine&url=sqlite%3A%2F%2F%2F%3Amemory%3A&do=register"
    answer = desk.post(path, content=form, headers={"content-type": "application/x-www-form-urlencoded"} | headers)
    assert answer.status_code == 403
    assert "Another site sent this" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert before == (len(desk.house.jobs.page(limit=500).items), len(desk.house.tokens.list("default")), desk.house.connections.list())


def test_fields_that_nobody_asked_for_are_refused(desk):
    answer = desk.post("/ui/tokens", data={"name": "x", "grants": "everything"}, headers=OWN)
    assert answer.status_code == 400
    assert "grants" in answer.text


DEEDS = [
    "/ui/source/shop/scan",
    "/ui/source/shop/profile",
    "/ui/new-source",
    "/ui/tokens",
    "/ui/alert/none/acknowledge",
    "/ui/job/none/cancel",
    "/ui/job/none/retry",
    "/ui/token/none/revoke",
]


@pytest.mark.parametrize("path", DEEDS)
def test_a_reader_who_tries_is_told_why_not(keyed, signed_in, path):
    answer = keyed.post(path, data={"name": "x", "source_id": "x", "url": "sqlite:///x"}, headers=signed_in("read"))
    assert answer.status_code == 403
    assert "<h1>Not allowed</h1>" in answer.text


@pytest.mark.parametrize("path", ["/ui", "/ui/source/shop", "/ui/alerts", "/ui/jobs", "/ui/table/shop/main/customer", "/ui/quality/shop"])
def test_a_reader_is_offered_nothing_but_reading(keyed, signed_in, path):
    page = keyed.get(path, headers=signed_in("read"))
    assert page.status_code == 200
    assert re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text) == ["/ui/sign-out"]
    assert "/ui/new-source" not in page.text
    assert "/ui/tokens" not in page.text


def test_a_writer_may_work_and_look_after_alerts_and_no_more(keyed, signed_in):
    headers = signed_in("write")
    assert keyed.get("/ui/source/shop", headers=headers).status_code == 403
    made = keyed.post("/ui/tokens", data={"name": "x"}, headers=headers)
    assert made.status_code == 403


def test_who_may_see_a_part_is_shown_that_part_and_told_of_the_rest(keyed, signed_in):
    headers = signed_in("read", "default", ("catalog_scan",))
    page = keyed.get("/ui", headers=headers)
    assert page.status_code == 200
    assert "shop" in page.text
    assert "does not show alerts" in page.text
    assert "does not show jobs" in page.text
    assert "Orders are late" not in page.text
    assert 'href="/ui/jobs"' not in page.text
    assert keyed.get("/ui/home.json", headers=headers).json()["hidden"] == ["verdicts", "alerts", "jobs"]


def test_who_may_see_nothing_of_home_is_told_so(keyed, signed_in):
    page = keyed.get("/ui", headers=signed_in("read", "default", ("ingestion_volume",)))
    assert page.status_code == 200
    assert page.text.count("does not show") == 4
    assert "Nothing is known yet" not in page.text
