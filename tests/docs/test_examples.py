"""The programs in `examples` do what they say, and lose nothing when the service is away."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.api.test_server import free_port, uvicorn

from factbook_sdk.emitter import Spool
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.remote import RemoteRepository

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(example: str, folder: Path, *arguments: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / example), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_pipeline_emits_compares_and_outlasts_an_outage(tmp_path: Path) -> None:
    example = "emit_from_a_pipeline.py"
    with uvicorn(tmp_path) as server:
        url = str(server.client.base_url)
        assert run(example, tmp_path, url, "1200")[0] == "Loaded 1,200 orders\n"
        assert run(example, tmp_path, url, "1180")[0] == "Loaded 1,180 orders, -20 against the load before\n"
    printed, noted = run(example, tmp_path, f"http://127.0.0.1:{free_port()}", "1190")
    assert printed == "Loaded 1,190 orders\n"
    assert "No comparison today" in noted
    assert Spool(tmp_path / "spool").status().records == 2
    with uvicorn(tmp_path) as server:
        url = str(server.client.base_url)
        run(example, tmp_path, url, "1195")
        with closing(RemoteRepository(url)) as repository:
            found = repository.history(MetadataTarget("shop", "sales", "orders"), "ingestion_volume")
    assert [item.record.payload["row_count"] for item in found if item.record.payload] == [1200, 1180, 1190, 1195]
