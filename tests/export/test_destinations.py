"""Where exports go: whole or not at all, and never over what is somebody else's."""

import os
import socket
import stat
import threading
from io import BytesIO

import pytest

from factbook.errors import ConfigurationError, InvalidRequest, TemporaryError
from factbook.export.contract import Exporter
from factbook.export.destinations import MARK, open_destination


def exporter(writes):
    return type("Some", (Exporter,), {"name": "some", "description": "", "writes": writes, "export": None})


FILE, FOLDER, DATABASE = exporter("file"), exporter("folder"), exporter("database")


def write(destination, content=b"new"):
    with destination.file() as out:
        out.write(content)


def fill(destination, name="index.html"):
    with destination.folder() as folder:
        (folder / name).write_text("new")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "out"


def test_a_file_is_written_and_measured(place):
    destination = open_destination(str(place), FILE)
    write(destination)
    assert place.read_bytes() == b"new"
    assert destination.size_bytes == 3


def test_a_new_file_has_the_rights_that_new_files_have(place):
    write(open_destination(str(place), FILE))
    place.with_suffix(".other").touch()
    assert place.stat().st_mode == place.with_suffix(".other").stat().st_mode


def test_a_file_that_is_replaced_keeps_its_rights(place):
    place.write_bytes(b"old")
    place.chmod(0o640)
    write(open_destination(str(place), FILE))
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_link_stays_and_what_it_leads_to_is_replaced(place, tmp_path):
    real = tmp_path / "real"
    real.write_bytes(b"old")
    place.symlink_to(real)
    write(open_destination(str(place), FILE))
    assert place.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_file_url_is_a_path(place):
    write(open_destination(f"file://{place}", FILE))
    assert place.read_bytes() == b"new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_what_breaks_off_leaves_the_old_file_and_no_draft(place, error):
    def break_off():
        with open_destination(str(place), FILE).file() as out:
            out.write(b"half")
            raise error

    place.write_bytes(b"old")
    with pytest.raises((error, ConfigurationError)):
        break_off()
    assert place.read_bytes() == b"old"
    assert list(place.parent.iterdir()) == [place]


def test_a_pipe_is_written_to_as_it_is(place):
    os.mkfifo(place)
    read = []
    reader = threading.Thread(target=lambda: read.append(place.read_bytes()))
    reader.start()
    write(open_destination(str(place), FILE))
    reader.join(10)
    assert read == [b"new"]
    assert stat.S_ISFIFO(place.stat().st_mode)


def test_standard_output_gets_the_bytes():
    stream = BytesIO()
    destination = open_destination("-", FILE, stdout=stream)
    write(destination)
    assert (stream.getvalue(), destination.size_bytes) == (b"new", 3)


def test_what_libraries_draft_reaches_standard_output():
    stream = BytesIO()
    with open_destination("-", FILE, stdout=stream).draft() as path:
        path.write_bytes(b"drafted")
    assert stream.getvalue() == b"drafted"


@pytest.mark.parametrize("where", ["no/such/folder/out", "."])
def test_a_place_that_cannot_be_written_is_named(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        write(open_destination(where, FILE))


def test_a_folder_is_made_with_the_mark_that_it_is_ours(place):
    destination = open_destination(str(place), FOLDER)
    fill(destination)
    assert sorted(path.name for path in place.iterdir()) == [MARK, "index.html"]
    assert destination.size_bytes == sum(path.stat().st_size for path in place.iterdir())


def test_a_folder_of_ours_is_replaced_with_all_that_was_in_it(place):
    fill(open_destination(str(place), FOLDER), "old.html")
    fill(open_destination(str(place), FOLDER))
    assert sorted(path.name for path in place.iterdir()) == [MARK, "index.html"]
    assert list(place.parent.iterdir()) == [place]


def test_an_empty_folder_is_filled(place):
    place.mkdir()
    fill(open_destination(str(place), FOLDER))
    assert (place / "index.html").exists()


@pytest.mark.parametrize("as_file", [True, False])
def test_what_is_no_export_of_ours_is_kept(place, as_file):
    precious = place if as_file else place / "precious"
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("mine")
    with pytest.raises(InvalidRequest, match="would be replaced"):
        fill(open_destination(str(place), FOLDER))
    assert precious.read_text() == "mine"
    assert list(place.parent.iterdir()) == [place]


def test_with_force_it_is_replaced(place):
    place.mkdir()
    (place / "precious").touch()
    fill(open_destination(str(place), FOLDER, force=True))
    assert not (place / "precious").exists()


def test_a_folder_that_breaks_off_leaves_the_old_one(place):
    def break_off():
        with open_destination(str(place), FOLDER).folder() as folder:
            (folder / "half").touch()
            raise RuntimeError

    fill(open_destination(str(place), FOLDER))
    with pytest.raises(RuntimeError):
        break_off()
    assert sorted(path.name for path in place.iterdir()) == [MARK, "index.html"]
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("postgresql://u:s3cret@h/d", FILE),
        ("https://u:s3cret@h/d", FILE),
        ("postgresql://u:s3cret@h/d", FOLDER),
        ("s3://key:s3cret@bucket/x", FILE),
        ("s3://bucket", FILE),
        ("-", FOLDER),
        ("out", DATABASE),
        ("-", DATABASE),
        ("s3://bucket/x", DATABASE),
    ],
)
def test_a_place_of_another_sort_is_refused_without_being_shown(where, kind):
    with pytest.raises(InvalidRequest) as refused:
        open_destination(where, kind)
    assert "s3cret" not in str(refused.value)


def test_a_database_is_shown_without_its_password(monkeypatch):
    monkeypatch.setenv("EXPORT_PASSWORD", "s3cret")
    for url in ("postgresql://u:s3cret@h/d", "postgresql://u:${EXPORT_PASSWORD}@h/d"):
        destination = open_destination(url, DATABASE)
        assert "s3cret" not in str(destination)
        assert destination.database_url() == "postgresql://u:s3cret@h/d"


@pytest.fixture
def bucket(monkeypatch):
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "ACCESS_KEY_ID": "k",
        "SECRET_ACCESS_KEY": "s",
        "REGION": "us-east-1",
        "ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    import boto3

    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    client.create_bucket(Bucket="exports")
    yield lambda: {
        item["Key"]: client.get_object(Bucket="exports", Key=item["Key"])["Body"].read()
        for item in client.list_objects_v2(Bucket="exports").get("Contents", ())
    }
    server.stop()


def test_an_object_appears_whole_or_not_at_all(bucket):
    def break_off():
        with open_destination("s3://exports/daily/out.json", FILE).file() as out:
            out.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert bucket() == {}
    write(open_destination("s3://exports/daily/out.json", FILE))
    fill(open_destination("s3://exports/site", FOLDER))
    assert bucket() == {"daily/out.json": b"new", "site/index.html": b"new"}


def test_a_store_that_does_not_answer_is_named_without_the_key(monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        with pytest.raises(TemporaryError) as failed:
            write(open_destination("s3://exports/out.json", FILE))
    assert "s3cret" not in str(failed.value)
