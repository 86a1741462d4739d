"""No tenant sees anything of another's: every route is asked, with the token of one tenant, for what belongs to the other.

For each request there is a twin that names what never was. Both must get the same answer, and none may hold anything of the other tenant's.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event
from starlette.testclient import TestClient
from tests.access.conftest import fact
from tests.access.routes import Ask, Names, Route, asks, routes

from factbook.access import Action, Grant
from factbook.access.doorkeeper import Doorkeeper
from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.kinds import Proposal
from factbook.settings import load_settings
from factbook_sdk.facts import Category, MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.codec import to_record
from factbook_sdk.facts.kinds.data_product import product_target

MARK = "kraken"
"""Stands in everything of the other tenant's that no request names."""

THEIRS, OURS = "harbour", "orchard"


def neighbour(names: Names) -> Names:
    """Return names that nobody ever had and that sort right beside these, so that cursors made of both mean the same place."""
    return Names(
        **{
            place: 10**9
            if place == "offset"
            else value[:-1] + ("0" if value[-1] == "1" else "1")
            if place in ("job_id", "token_id", "alert_id")
            else f"{value}0"
            for place, value in msgspec.structs.asdict(names).items()
        }
    )


class World(msgspec.Struct, frozen=True):
    """A server with two tenants, what the other one has, our tokens, and the statements that requests made."""

    client: TestClient
    house: Factbook
    theirs: Names
    tokens: dict[str, str]
    statements: list[str]

    def __repr__(self) -> str:
        return "World()"


@pytest.fixture(scope="module", params=[THEIRS, "somebody"], ids=["they are the server's own", "neither is the server's own"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    house = Factbook(
        load_settings(
            {},
            data_dir=str(folder),
            tenant=request.param,
            api_key="the-key",
            audit_writes=False,
            source_db_url=f"sqlite:///{folder}/{MARK}.db",
        )
    )
    house.repository.bulk_store(fact(number, tenant="meadow") for number in range(700))
    settle(house, OURS, "plum")
    # Theirs comes last: behind an offset of theirs lies as little of ours as behind one that never was.
    theirs = settle(house, THEIRS, MARK)
    tokens = {
        name: house.tokens.create(name, grants, created_by="test").value
        for name, grants in {
            "admin": [Grant(Action.ADMIN, OURS)],
            "reader": [Grant(Action.READ, OURS)],
            "writer": [Grant(Action.WRITE, OURS)],
            "narrow": [Grant(Action.READ, OURS, "orch*", ("ingestion_*", "lineage")), Grant(Action.WRITE, OURS, "orch*", ("ingestion_*",))],
            "twofold": [Grant(Action.ADMIN, OURS), Grant(Action.ADMIN, "meadow")],
        }.items()
    }
    statements: list[str] = []
    trace(house, statements)
    # Tokens are found once and believed for ever, so that what a request looks up is its own.
    house.doorkeeper = Doorkeeper(house.tokens, clock=lambda: 0.0)
    for value in tokens.values():
        house.doorkeeper.look_up(value)
    with TestClient(create_app(house, works=False), base_url="https://factbook.example", client=("192.0.2.7", 50000)) as client:
        yield World(client, house, theirs, tokens, statements)


def settle(house: Factbook, tenant: str, mark: str) -> Names:
    """Give a tenant something of everything, marked."""
    names = Names(
        tenant=tenant,
        source_id=f"{tenant}_source",
        table=f"{tenant}_table",
        namespace=f"{tenant}_space",
        producer_id=f"{tenant}.v1",
        job_id="",
        token_id=house.tokens.create(f"{mark} token", [Grant(Action.READ, tenant)], created_by=mark).token.token_id,
        alert_id="",
        offset=0,
    )
    rooms = house.of(tenant)
    rooms.connections.add(names.source_id, f"postgresql://{mark}:{mark}@{mark}.example/{mark}")
    job = rooms.jobs.submit("scan", {"source_id": names.source_id, "note": mark}, target=MetadataTarget(names.source_id), trigger=mark)
    rooms.jobs.cancel(job.job_id)
    house.kinds.register(Proposal(names.table, Category.EVENT, mark, {"type": "object"}), tenant)
    snapshot = {"object_type": "table", "comment": mark, "columns": [{"name": f"{mark}_id", "position": 1, "data_type": "int"}]}
    target = MetadataTarget(names.source_id, "public", names.table)
    context = MetadataContext(tenant=tenant, namespace=names.namespace, run_id=mark)
    volume = to_record(names.record(None))
    alert = {"rule": mark, "state": "firing", "severity": "error", "title": mark}
    port = {"name": names.table, "table": {"source_id": names.source_id, "schema": "public", "table": names.table}}
    product = {
        "name": mark,
        "domain": names.table,
        "outputs": [port],
        "status": "active",
        "owners": [{"name": mark}],
        "tags": [mark],
        "description": mark,
    }
    facts = [
        MetadataRecord(product_target(names.table), "data_product", product, volume.produced_at, "products.v1", context),
        MetadataRecord(target, "schema_snapshot", snapshot, volume.produced_at, "scan.v1", context),
        MetadataRecord(target, "alert", alert, volume.produced_at, names.producer_id, context),
        msgspec.structs.replace(volume, extras={"note": mark}, context=context),
    ]
    report = house.repository.bulk_store(facts, atomic=True)
    offset = report.results[-1].offset
    assert offset is not None
    (found,) = rooms.alerts.page().items
    return msgspec.structs.replace(names, job_id=job.job_id, alert_id=found.alert_id, offset=offset)


def trace(house: Factbook, statements: list[str]) -> None:
    """Note every statement that a request sends to the store; what works in the background does not count."""

    def note(statement: str) -> None:
        if not threading.current_thread().name.startswith(("worker", "access-clerk")):
            statements.append(statement)

    @event.listens_for(house.repository.database.engine, "connect")
    def _trace(connection: Any, _record: Any) -> None:
        connection.set_trace_callback(note)

    house.repository.database.engine.dispose()
    house.repository.database.close()


def answer(world: World, token: str, ask: Ask) -> tuple[int, dict[str, str], str]:
    """Send a request; whatever it is answered, nothing of theirs may be in it."""
    world.statements.clear()
    found = world.client.request(
        ask.method,
        ask.path,
        params=ask.parameters,
        content=None if ask.body is None else msgspec.json.encode(ask.body),
        headers={"Authorization": f"Bearer {token}"} | ask.headers | ({} if ask.body is None else {"Content-Type": "application/json"}),
    )
    headers = {name: value for name, value in found.headers.items() if name not in ("x-request-id", "content-length")}
    text = found.text
    if found.status_code == 403:
        assert world.statements == [], f"{ask} is refused after looking something up"
    assert MARK not in str(ask)
    assert MARK not in text + str(headers), f"{ask} shows something of theirs: {text}"
    assert found.status_code < 500, f"{ask}: {text}"
    return found.status_code, headers, text


def neutral(text: str, names: Names, end: int) -> str:
    """Return an answer without the names that were asked for and without what is new in every answer; ``end`` is that of the log."""
    for place, value in sorted(msgspec.structs.asdict(names).items(), key=lambda item: -len(str(item[1]))):
        if place != "offset":
            text = text.replace(str(value), f"<{place}>")
    for pattern, shown in (
        (r'"request_id":"[0-9a-f]{32}"', "<request>"),
        (r'"age_seconds":[0-9.]+', "<age>"),
        (r'\\?"[0-9a-f]{32}\\?"', "<etag>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "<moment>"),
        (r"(scan|profile|quality)-\d{8}T\d{6}Z-[0-9a-f]{6}", "<new job>"),
        (r"token-[0-9a-f]{12}", "<new token>"),
        (r"fbt_[A-Za-z0-9_\-]{43}", "<new value>"),
        (r'"offset":\d+', "<new offset>"),
        (r'"[0-9a-f]{32}"', "<id>"),
        (rf"\b({names.offset}|{end})\b", "<offset>"),
    ):
        text = re.sub(pattern, shown, text)
    return text


def pairs(world: World, route: Route) -> Iterator[tuple[Ask, Ask]]:
    yield from zip(asks(route, world.theirs, OURS), asks(route, neighbour(world.theirs), OURS), strict=True)


def all_routes(world: World) -> list[Route]:
    found = list(routes(world.client.app))  # type: ignore[arg-type]
    assert len(found) > 40
    assert {route.path for route in found} >= {f"/api/v1{route.path}" for route in found if not route.path.startswith("/api/v1")}
    return found


def test_what_is_theirs_is_answered_as_what_never_was(world: World) -> None:
    asked = refused = 0
    before = everything_of_theirs(world)
    # Reads first: what we write under their names is ours afterwards.
    for route in sorted(all_routes(world), key=lambda route: not route.is_read):
        for token in world.tokens if not route.path.startswith("/api/v1") else ("admin",):
            for theirs, nobodys in pairs(world, route):
                one, other = answer(world, world.tokens[token], theirs), answer(world, world.tokens[token], nobodys)
                assert one[0] == other[0], f"{token}: {theirs} is answered {one}, {nobodys} {other}"
                for part in (1, 2):
                    end = world.theirs.offset
                    assert neutral(str(one[part]), world.theirs, end) == neutral(str(other[part]), neighbour(world.theirs), end), (
                        f"{token}: {theirs}"
                    )
                asked += 1
                refused += one[0] == 403
                if "tenant" in theirs.parameters:
                    assert one[0] == 403, f"{theirs} names their tenant and is answered {one}"
    assert asked > 500
    assert refused > 100
    assert everything_of_theirs(world) == before


def everything_of_theirs(world: World) -> list[tuple[str, str]]:
    """Return what the other tenant itself sees; nothing that we do may change it."""
    seen = []
    for path in (
        "/jobs",
        "/alerts",
        "/dictionary",
        "/sources",
        "/tokens",
        "/kinds",
        "/products",
        "/records/tail",
        f"/jobs/{world.theirs.job_id}",
    ):
        found = world.client.get(path, params={"tenant": THEIRS, "limit": 1000}, headers={"Authorization": "Bearer the-key"})
        assert MARK in found.text, path
        answered = msgspec.json.decode(found.content)
        seen.append((path, str(answered.get("items", answered))))
    return seen


def test_each_sees_what_is_its_own(world: World) -> None:
    """Else the matrix would hold of a server that shows nothing to anybody."""
    headers = {"Authorization": f"Bearer {world.tokens['admin']}"}
    for path in ("/jobs", "/alerts", "/dictionary", "/sources", "/tokens", "/kinds", "/records/tail", "/records/query"):
        for parameters in ({"kind": "ingestion_volume"}, {"kind": "ingestion_volume", "tenant": OURS}):
            found = world.client.get(path, params=parameters, headers=headers)
            assert found.status_code == 200
            assert "plum" in found.text, path


def test_a_stranger_learns_nothing_and_nothing_is_looked_up(world: World) -> None:
    for route in all_routes(world):
        for ask in asks(route, world.theirs, OURS):
            world.statements.clear()
            found = world.client.request(ask.method, ask.path, params=ask.parameters)
            if route.template == "/health":
                assert found.json() == {"status": "ok"}
            else:
                assert found.status_code == 401
                assert world.statements == []


def test_every_route_declares_what_it_needs(world: World) -> None:
    from factbook.api.access import declares_needs
    from factbook.api.routes import ROUTERS

    undeclared = [route.path for router in ROUTERS for route in router.routes if not declares_needs(route)]
    assert undeclared == []


def test_a_route_that_declares_nothing_is_closed_to_tokens(tmp_path: Path) -> None:
    from fastapi import APIRouter
    from starlette.responses import Response

    from factbook.api import app as application

    router = APIRouter()

    @router.get("/new")
    def new() -> Response:
        return Response(MARK)

    house = Factbook(load_settings({}, data_dir=str(tmp_path)))
    token = house.tokens.create("t", [Grant(Action.ADMIN, "default")], created_by="test").value
    king = house.tokens.create("k", [Grant(Action.ADMIN, "*")], created_by="test").value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "ROUTERS", (*application.ROUTERS, router))
        app = create_app(house)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 1)) as client:
        assert client.get("/new").text == MARK
        assert client.get("/new", headers={"Authorization": f"Bearer {king}"}).text == MARK
        assert client.get("/new", headers={"Authorization": f"Bearer {token}"}).status_code == 403
        assert {route.template for route in routes(app)} > {"/new"}
