"""The one canonical JSON, for ever: UTF-8, keys sorted by code point, no white space, numbers as msgspec prints them.

A record's identity and a state's equality are digests of these bytes, so nothing here may change the bytes of a record
that somebody has already stored. ``tests/sdk/test_codec.py`` holds golden bytes.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts.record import DEFAULT_TENANT, MetadataContext, MetadataRecord

_MAX_DEPTH = 200
_NO_CONTEXT = MetadataContext()
_TEXT = frozenset({str})
_PLAIN = frozenset({str, int, bool, type(None)})

_encoder = msgspec.json.Encoder(order="sorted")
_record_decoder = msgspec.json.Decoder(MetadataRecord)


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value or struct canonically. The value must have passed :func:`check_json`."""
    return _encoder.encode(value)


def decode_record(body: bytes | str) -> MetadataRecord:
    """Decode one record from JSON; raises :class:`InvalidRecord` naming the field that is wrong."""
    try:
        return _record_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise invalid_json(error) from error
    except UnicodeDecodeError as error:
        raise InvalidRecord("The record is not UTF-8", why=str(error), fix="Encode it as UTF-8") from error
    except RecursionError as error:
        raise InvalidRecord("The record is nested too deep", why=f"at most {_MAX_DEPTH} levels", field="payload") from error


def to_record(value: Any) -> MetadataRecord:
    """Build a record from plain dictionaries (as ``json.loads`` gives them); raises :class:`InvalidRecord`."""
    try:
        return msgspec.convert(value, MetadataRecord)
    except msgspec.ValidationError as error:
        raise invalid_json(error) from error


def invalid_json(error: msgspec.MsgspecError) -> InvalidRecord:
    """Translate msgspec's error; its ``- at `$.a.b``` suffix becomes the field."""
    cause = error.__cause__
    if isinstance(cause, InvalidRecord):
        return cause
    message, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").lstrip(".") or None
    what = f"The record's {field} is invalid" if field else "The record is invalid"
    return InvalidRecord(what, why=message, fix="See `factbook kinds show KIND` for what a record holds", field=field)


def digest(body: bytes) -> bytes:
    """Return the 128-bit BLAKE2b digest (RFC 7693) that identifies a record or a state: 16 bytes."""
    return hashlib.blake2b(body, digest_size=16).digest()


def encode_payload(payload: dict[str, Any] | None, field: str = "payload") -> bytes:
    """Encode a JSON object canonically, refusing with its path what JSON cannot carry faithfully.

    msgspec writes NaN as ``null`` and a datetime as text without a word; comparing what comes back finds both at the speed of C,
    and only then is the value walked for the path to blame. A flat object of nothing but text and whole numbers needs no proof.
    """
    try:
        body = _encoder.encode(payload)
        faithful = _is_plain(payload) or msgspec.json.decode(body) == payload
    except (TypeError, UnicodeEncodeError, RecursionError, msgspec.MsgspecError):
        faithful = False
    if not faithful:
        check_json(payload, field)
        body = _encoder.encode(payload)
    elif body.count(b"[") + body.count(b"{") > _MAX_DEPTH:
        # Only then it may be nested too deep; libraries that walk it later end at depths of their own.
        check_json(payload, field)
    return body


def _is_plain(value: Any) -> bool:
    return type(value) is dict and _PLAIN.issuperset(map(type, value.values())) and _TEXT.issuperset(map(type, value))


def canonical_record(record: MetadataRecord, payload: bytes) -> bytes:
    """Encode a record canonically around its encoded payload. Fields that hold their default are left out, whatever object
    holds it (``omit_defaults`` of msgspec goes by identity), so that a field added later changes no existing id.

    Members are laid side by side by hand, in the order of their names: a dictionary of them takes three times as long to encode.
    """
    encode = _encoder.encode
    context = record.context
    parts = [b"{"]
    if context is not _NO_CONTEXT and context != _NO_CONTEXT:
        parts += b'"context":', encode(context if _omits_defaults(context) else _given(context)), b","
    if record.extras:
        parts += b'"extras":', encode(record.extras), b","
    parts += b'"kind":', encode(record.kind), b',"payload":', payload, b',"produced_at":', encode(record.produced_at)
    parts += b',"producer_id":', encode(record.producer_id)
    if record.quality:
        parts += b',"quality":', encode(record.quality)
    parts += b',"target":', encode(record.target)
    if record.version != 1:
        parts += b',"version":', encode(record.version)
    parts.append(b"}")
    return b"".join(parts)


def _omits_defaults(context: MetadataContext) -> bool:
    """Return whether msgspec sees every default in the context as one."""
    return (context.tenant is DEFAULT_TENANT or context.tenant != DEFAULT_TENANT) and type(context.extras) is dict


def _given(context: MetadataContext) -> dict[str, Any]:
    """Return the fields that were given; a tenant that equals the default was not, whichever object holds it."""
    fields = ((name, getattr(context, name)) for name in context.__struct_fields__)
    return {name: value for name, value in fields if value and value != getattr(_NO_CONTEXT, name)}


def check_json(value: Any, field: str, depth: int = 0) -> None:
    """Refuse what JSON cannot carry faithfully: NaN, infinity, other Python types, non-text keys, lone surrogates."""
    kind = type(value)
    if kind is str:
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise InvalidRecord(f"{field} holds a lone surrogate", why="it cannot be written as UTF-8", field=field)
    elif kind is dict:
        if depth >= _MAX_DEPTH:
            raise InvalidRecord(f"{field} is nested too deep", why=f"at most {_MAX_DEPTH} levels", field=field)
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidRecord(f"{field} has the key {key!r}", why="keys of a JSON object are text", field=field)
            check_json(key, f"{field} (a key)", depth)
            check_json(item, f"{field}.{key}", depth + 1)
    elif kind is list or kind is tuple:
        if depth >= _MAX_DEPTH:
            raise InvalidRecord(f"{field} is nested too deep", why=f"at most {_MAX_DEPTH} levels", field=field)
        for index, item in enumerate(value):
            check_json(item, f"{field}[{index}]", depth + 1)
    elif kind is float:
        if not math.isfinite(value):
            raise InvalidRecord(
                f"{field} is {value}",
                why="JSON has no NaN and no infinity",
                fix="Send null or leave it out",
                field=field,
            )
    elif not (value is None or isinstance(value, (int, str))):
        raise InvalidRecord(
            f"{field} is a {kind.__name__}",
            why="only text, numbers, booleans, null, lists and objects can be stored",
            fix="Convert it first (a datetime to ISO 8601 text, a Decimal to text or float)",
            field=field,
        )
