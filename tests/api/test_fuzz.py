"""Random requests made from the OpenAPI document, right and deliberately wrong ones: never a 5xx, always answered as documented."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.api.conftest import a_record, make_shop

from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.settings import load_settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give the document of a server that runs in a thread and already knows something."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    factbook = Factbook(load_settings({}, data_dir=str(folder / "data"), source_db_url=make_shop(folder)))
    config = uvicorn.Config(create_app(factbook), port=0, log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    # From here on connections wait in line until the server is up.
    socket.listen()
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    try:
        with httpx2.Client(base_url=url, timeout=60) as client:
            client.post("/scan/trigger")
            client.post("/records", json=[a_record(number) for number in range(5)])
            client.post("/sources", json={"source_id": "x", "url": "sqlite:///x.sqlite"})
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(("mode", "examples"), [(GenerationMode.POSITIVE, 20), (GenerationMode.NEGATIVE, 8)])
def test_every_request_is_answered_as_documented(api: Any, mode: GenerationMode, examples: int) -> None:
    operations = [result.ok() for result in api.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:
        operations = [operation for operation in operations if can_be_wrong(operation)]
    assert len(operations) >= 11
    for operation in operations:

        @settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            # Right ones make the answer wait for up to a minute, or for ever; wrong ones are tested with the problems.
            for lasting in ("wait_seconds", "follow"):
                (case.query or {}).pop(lasting, None)
            case.call_and_validate(checks=CHECKS)

        ask()


def can_be_wrong(operation: Any) -> bool:
    """Return whether anything in a request can break the document: any text is right as part of a path."""
    return bool(list(operation.query) or list(operation.body))
