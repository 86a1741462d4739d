"""The compose file is what the cluster is: its settings exist, its parts have health checks, and no password is written in it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from tests.cluster.victims import ROOT

from factbook.cli.main import app
from factbook.settings import SETTINGS

FILE = ROOT / "deploy" / "compose.yaml"
OF_OTHERS = {"PGPASSWORD"}
"""What libpq reads."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def test_there_are_two_servers_and_a_worker_over_one_postgresql_with_nats(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() == {"server", "worker", "postgres", "nats"}
    assert services["server"]["deploy"]["replicas"] == 2
    assert services["worker"]["command"] == ["worker"]
    assert "worker" in {command.callback.__name__ for command in app.registered_commands if command.callback}
    stores = {services[name]["environment"]["META_DB_URL"] for name in ("server", "worker")}
    keys = {services[name]["environment"]["SECRET_KEY"] for name in ("server", "worker")}
    assert (len(stores), len(keys)) == (1, 1)


def test_every_setting_it_makes_is_one_of_ours(compose: dict[str, Any]) -> None:
    known = {setting.name for setting in SETTINGS}
    for name in ("server", "worker"):
        assert compose["services"][name]["environment"].keys() - OF_OTHERS <= known


def test_no_secret_is_written_in_it_and_none_has_a_default(compose: dict[str, Any]) -> None:
    secrets = {setting.name for setting in SETTINGS if setting.secret} - {"META_DB_URL", "SOURCE_DB_URL", "BUS_URL"}
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if variable in secrets or "PASSWORD" in variable:
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), f"{name}: {variable}"
            else:
                assert not re.search(r"://[^/\s]*:[^/\s]*@", value), f"{name}: {variable}"


def test_whoever_depends_on_another_waits_until_it_is_healthy(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("postgres", "nats", "worker"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    for name in ("server", "worker"):
        assert services[name]["depends_on"] == {other: {"condition": "service_healthy"} for other in ("postgres", "nats")}
    assert [name for name, service in services.items() if "ports" in service] == ["server"]


def test_images_are_pinned_and_what_is_kept_has_a_volume(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("postgres", "nats"):
        assert re.fullmatch(r"\w+:[\d.]+-alpine", services[name]["image"])
        assert services[name]["volumes"][0].partition(":")[0] in compose["volumes"]


@pytest.mark.skipif(
    shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="the compose plugin of docker is not installed",
)
def test_compose_itself_understands_it() -> None:
    environment = {"POSTGRES_PASSWORD": "p", "API_KEY": "k", "SECRET_KEY": "s", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = ["docker", "compose", "--file", str(FILE), "config", "--format", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["services"].keys() == {"server", "worker", "postgres", "nats"}
    without = subprocess.run(command, env={"PATH": environment["PATH"]}, capture_output=True, text=True, check=False)
    assert "write it to .env" in without.stderr
