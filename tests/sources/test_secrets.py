"""Passwords at rest."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.errors import ConfigurationError
from factbook.sources import secrets
from factbook.sources.secrets import SecretBox

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_is_hidden_and_comes_back(secret: str, identity: str) -> None:
    box = SecretBox(KEY)
    sealed = box.seal(secret, identity)
    assert box.unseal(sealed, identity) == secret
    assert len(secret.encode()) < 4 or secret.encode() not in sealed


def test_sealing_twice_gives_different_bytes() -> None:
    box = SecretBox(KEY)
    assert box.seal("tiger", "a") != box.seal("tiger", "a")


def test_a_ciphertext_moved_to_another_record_is_refused() -> None:
    box = SecretBox(KEY)
    with pytest.raises(ConfigurationError, match="belongs to another source"):
        box.unseal(box.seal("tiger", "default/shop"), "default/bank")


def test_another_key_is_named_as_the_reason() -> None:
    with pytest.raises(ConfigurationError, match=r"sealed with another key.*Restore the SECRET_KEY"):
        SecretBox(OTHER_KEY).unseal(SecretBox(KEY).seal("tiger", "a"), "a")


@pytest.mark.parametrize("place", [0, 5, 12, 25, -1])
def test_changed_bytes_are_refused(place: int) -> None:
    sealed = bytearray(SecretBox(KEY).seal("tiger", "a"))
    sealed[place] ^= 1
    with pytest.raises(ConfigurationError, match="cannot be decrypted"):
        SecretBox(KEY).unseal(bytes(sealed), "a")


@pytest.mark.parametrize("sealed", [b"", b"\x01", SecretBox(KEY).seal("tiger", "a")[:22]], ids=["empty", "one byte", "cut short"])
def test_bytes_that_are_too_short_are_refused(sealed: bytes) -> None:
    with pytest.raises(ConfigurationError, match="cannot be decrypted"):
        SecretBox(KEY).unseal(sealed, "a")


def test_the_key_may_come_from_a_setting(tmp_path: Path) -> None:
    box = SecretBox.open(base64.b64encode(KEY).decode(), tmp_path)
    assert SecretBox(KEY).unseal(box.seal("tiger", "a"), "a") == "tiger"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", ["not base64!", base64.b64encode(b"short").decode()])
def test_a_setting_that_is_no_key_is_refused_without_showing_it(setting: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SECRET_KEY is wrong.*openssl rand -base64 32") as raised:
        SecretBox.open(setting, tmp_path)
    assert setting not in str(raised.value)


def test_a_key_is_made_when_the_first_secret_is_sealed_for_its_owners_eyes_only(tmp_path: Path) -> None:
    box = SecretBox.open("", tmp_path / "data")
    assert not (tmp_path / "data").exists()
    sealed = box.seal("tiger", "a")
    key_file = tmp_path / "data" / "secret.key"
    assert [path.name for path in key_file.parent.iterdir()] == ["secret.key"]
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert SecretBox.open("", tmp_path / "data").unseal(sealed, "a") == "tiger"


def test_a_lost_key_is_not_replaced_by_a_new_one_when_a_secret_is_read(tmp_path: Path) -> None:
    sealed = SecretBox.open("", tmp_path).seal("tiger", "a")
    (tmp_path / "secret.key").unlink()
    with pytest.raises(ConfigurationError, match=r"There is no key at .*secret\.key"):
        SecretBox.open("", tmp_path).unseal(sealed, "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe"])
def test_a_broken_key_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"secret\.key"):
        SecretBox.open("", tmp_path).seal("tiger", "a")


def test_a_key_that_another_process_made_first_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    secrets._make(path)
    first = path.read_bytes()
    secrets._make(path)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_start_together_end_with_one_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from factbook.sources.secrets import SecretBox\n"
        "sys.stdin.readline(); print(SecretBox.open('', Path(sys.argv[1])).seal('tiger', 'a').hex())"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    sealed = [process.communicate()[0].strip() for process in processes]
    assert [SecretBox.open("", tmp_path).unseal(bytes.fromhex(text), "a") for text in sealed] == ["tiger"] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_box_does_not_show_its_key() -> None:
    assert repr(SecretBox(KEY)) == "SecretBox(***)"
