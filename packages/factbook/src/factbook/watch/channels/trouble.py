"""What a failed connection is called. The words of libraries and servers are not repeated: they quote addresses, users and more."""

from __future__ import annotations

import socket
import ssl


def reason_of(error: Exception) -> str:
    """Return what is the matter, in words of our own."""
    known: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "it took too long"),
        (ConnectionRefusedError, "the connection was refused"),
        (ConnectionError, "the connection was lost"),
        (ssl.SSLCertVerificationError, "its certificate is not trusted"),
        (ssl.SSLError, "TLS failed"),
        (socket.gaierror, "its name is not known"),
    )
    return next((text for family, text in known if isinstance(error, family)), type(error).__name__)
