"""Passwords at rest: AES-256-GCM (NIST SP 800-38D), with the record's identity as associated data so that a ciphertext cannot be moved to
another record, and the key's id in front so that a wrong key is told from changed bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from factbook.errors import ConfigurationError

_FORMAT = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORMAT) + _KEY_ID_BYTES


class SecretBox:
    """Encrypt and decrypt with one key. Sealed bytes are a format byte, the key's id, the nonce, then the ciphertext with its tag."""

    def __init__(self, key: bytes) -> None:
        self._load: Callable[[bool], bytes] = lambda make: key
        _check_length(key, "The key")

    def __repr__(self) -> str:
        return "SecretBox(***)"

    @classmethod
    def open(cls, secret_key: str, data_dir: Path) -> SecretBox:
        """Take the key from the setting, else from ``secret.key`` in the data folder, made for its owner's eyes only when first needed.

        Raises :class:`ConfigurationError` for a setting that is no key; the file is not looked at before something is sealed or unsealed.
        """
        if secret_key:
            return cls(_decode(secret_key, "SECRET_KEY"))
        box = cls(bytes(_KEY_BYTES))
        box._load = _file_key(data_dir / "secret.key")
        return box

    def seal(self, secret: str, identity: str) -> bytes:
        """Encrypt ``secret`` for the record ``identity`` names."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._load(True)
        head, nonce = _FORMAT + _key_id(key), secrets.token_bytes(_NONCE_BYTES)
        return head + nonce + AESGCM(key).encrypt(nonce, secret.encode(), _associated(head, identity))

    def unseal(self, sealed: bytes, identity: str) -> str:
        """Decrypt; raises :class:`ConfigurationError` for another key, another record or changed bytes."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._load(False)
        head, nonce, ciphertext = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:][:_NONCE_BYTES], sealed[_HEAD_BYTES + _NONCE_BYTES :]
        if head != _FORMAT + _key_id(key):
            raise ConfigurationError(
                f"The stored password of {identity} cannot be decrypted",
                why="it was sealed with another key",
                fix="Restore the SECRET_KEY (or the file secret.key) of that time, or register the source again with its password",
            )
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, _associated(head, identity)).decode()
        except InvalidTag as error:
            raise ConfigurationError(
                f"The stored password of {identity} cannot be decrypted",
                why="it belongs to another source, or its bytes were changed",
                fix="Register the source again with its password",
            ) from error


def _associated(head: bytes, identity: str) -> bytes:
    return head + identity.encode()


def _key_id(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=_KEY_ID_BYTES, person=b"factbook key id").digest()


def _check_length(key: bytes, name: str) -> bytes:
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(
            f"{name} is wrong", why=f"it must be {_KEY_BYTES} bytes in base64, not {len(key)}", fix="Make one: openssl rand -base64 32"
        )
    return key


def _decode(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(f"{name} is wrong", why="it is not base64", fix="Make one: openssl rand -base64 32") from error
    return _check_length(key, name)


def _file_key(path: Path) -> Callable[[bool], bytes]:
    def load(make: bool) -> bytes:
        try:
            if make and not path.exists():
                _make(path)
            return _decode(path.read_text(), str(path))
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"There is no key at {path}", why="a stored password needs it", fix="Restore the file, or set SECRET_KEY"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror or "" if isinstance(error, OSError) else "it is not text"
            raise ConfigurationError(f"The key at {path} cannot be used", why=why, fix="Set SECRET_KEY, or mend the file") from error

    return load


def _make(path: Path) -> None:
    """Write a new key so that it is never half there; of two processes at once, both end with the key that came first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    text = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link does not replace what another process has put there in the meantime.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
