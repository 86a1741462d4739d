"""Passwords at rest: AES-256-GCM, with the record's identity as associated data so that a ciphertext cannot be moved to another record."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from factbook.errors import ConfigurationError

_NONCE_BYTES = 12
_KEY_BYTES = 32


class SecretBox:
    """Encrypt and decrypt with one key. Sealed bytes are the nonce, then the ciphertext with its tag (NIST SP 800-38D)."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ConfigurationError("SECRET_KEY is wrong", why=f"it must be {_KEY_BYTES} bytes in base64", fix="openssl rand -base64 32")
        self._key = key

    def __repr__(self) -> str:
        return "SecretBox(***)"

    @classmethod
    def open(cls, secret_key: str, data_dir: Path) -> SecretBox:
        """Take the key from the setting, else from ``secret.key`` in the data folder, made on first use for its owner's eyes only."""
        if secret_key:
            return cls(_decode(secret_key, "SECRET_KEY"))
        path = data_dir / "secret.key"
        try:
            text = path.read_text() if path.exists() else _make(path)
        except OSError as error:
            raise ConfigurationError(
                f"The key file {path} cannot be used", why=error.strerror or "", fix="Make DATA_DIR writable, or set SECRET_KEY"
            ) from error
        return cls(_decode(text, str(path)))

    def seal(self, secret: str, identity: str) -> bytes:
        """Encrypt ``secret`` for the record ``identity`` names."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, secret.encode(), identity.encode())

    def unseal(self, sealed: bytes, identity: str) -> str:
        """Decrypt; raises :class:`ConfigurationError` for another key, another record or changed bytes."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], identity.encode()).decode()
        except InvalidTag as error:
            raise ConfigurationError(
                f"The stored password of {identity} cannot be decrypted",
                why="it was sealed with another key, or for another source",
                fix="Restore the SECRET_KEY (or secret.key) it was stored with, or store the password again",
            ) from error


def _decode(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise ConfigurationError(f"{name} is wrong", why="it is not base64", fix="openssl rand -base64 32") from error


def _make(path: Path) -> str:
    """Write a new key so that it is never half there; of two processes at once, both end with the key that came first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    text = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
