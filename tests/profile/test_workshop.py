"""A workshop's folder is its own while somebody works in it, and goes when nobody does."""

import os
import subprocess
import sys
import tempfile
import threading

import pytest

from factbook.errors import SourceUnavailable
from factbook.profile import workshop
from factbook.profile.feeds.pipe import Reading, _end, _Writer
from factbook.profile.workshop import opened

pytest.importorskip("fcntl")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_left_alone_while_somebody_works_in_it(place):
    with opened(64 << 20) as first, opened(64 << 20) as second:
        assert first.folder.is_dir()
        assert second.folder.is_dir()
    assert list(place.iterdir()) == []


def test_a_folder_of_a_process_that_was_killed_before_anything_was_in_it_goes(place):
    left = place / "factbook-profile-left"
    left.mkdir()
    with opened(64 << 20):
        assert not left.exists()


def test_what_a_killed_process_left_goes(place):
    code = "import os\nfrom factbook.profile.workshop import opened\nwith opened(64 << 20) as shop:\n"
    code += "    (shop.folder / 'rows').write_text('x')\n    os._exit(9)"
    subprocess.run([sys.executable, "-c", code], env={"TMPDIR": str(place), "PYTHONPATH": ":".join(sys.path)}, check=False)
    assert len(list(place.iterdir())) == 1
    with opened(64 << 20) as shop:
        assert list(place.iterdir()) == [shop.folder]


def test_a_folder_that_a_sweep_took_before_it_was_locked_is_made_again(place, monkeypatch):
    made = tempfile.mkdtemp
    swept = []

    def swept_at_once(**options):
        folder = made(**options)
        if not swept:
            swept.append(folder)
            workshop._sweep(place / folder)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_once)
    with opened(64 << 20) as shop:
        assert shop.folder.is_dir()
        assert str(shop.folder) not in swept
    assert len(swept) == 1


def test_workshops_opened_and_swept_at_once_lose_no_folder(place):
    lost = []

    def work():
        for _ in range(100):
            with workshop._folder() as folder:
                try:
                    (folder / "rows").write_text("x")
                except OSError as error:
                    lost.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert list(place.iterdir()) == []


def test_a_server_that_is_gone_hides_no_error_behind_that_it_cannot_be_told_to_stop(place):
    gone = threading.Event()

    class Gone:
        def cancel(self):
            gone.set()
            raise ConnectionRefusedError("nobody there")

    def pieces():
        gone.wait(30)
        raise SourceUnavailable("the server is gone")
        yield b""

    pipe = place / "rows"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = _Writer(pieces(), pipe, Reading(["c0"], ["c0"], "rows_of"), lambda: None)
    writer.start()
    _end(writer, Gone())
    os.close(reader)
    assert str(writer.error) == "the server is gone"
