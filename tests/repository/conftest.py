"""An S3 server for the tests: moto's, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import uuid

import pytest

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "of-no-value",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory):
    """Give the address of an S3 server without buckets."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path_factory.mktemp("moto") / "log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def s3_environment(s3_endpoint, monkeypatch):
    """Point this process, and those it starts, at the S3 server."""
    for name, value in (_ENVIRONMENT | {"AWS_ENDPOINT_URL": s3_endpoint}).items():
        monkeypatch.setenv(name, value)
    return s3_endpoint


@pytest.fixture
def s3_url(s3_environment):
    """Give the URL of a prefix in an empty bucket."""
    bucket = f"facts-{uuid.uuid4().hex[:12]}"
    make_bucket(s3_environment, bucket)
    return f"s3://{bucket}/meta/data"


def make_bucket(endpoint, bucket):
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint, region_name=os.environ["AWS_REGION"])
    client.create_bucket(Bucket=bucket)
    client.close()


def _wait_for(port, server):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("moto's S3 server did not start")
