"""Documents of a standard as bodies: read from requests, and sent as YAML or JSON."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import asking
from factbook.api.bodies import is_ndjson
from factbook.api.problems import UnsupportedBody
from factbook.contracts import ImportWish
from factbook.contracts.model import parse_binds
from factbook.contracts.reading import Read, read_document
from factbook.contracts.standards import Standard
from factbook.contracts.writing import MEDIA_TYPES, Form, text_of
from factbook.errors import InvalidRequest


def read_standard(
    request: Request, body: bytes, standard: Standard, *, bind: Sequence[str] | None, replace: bool
) -> tuple[Read, ImportWish]:
    """Return the document of a body and how it is wanted; raises :class:`InvalidRequest` for one of another standard."""
    if is_ndjson(request):
        raise UnsupportedBody("NDJSON is not taken here", fix="Send one document as application/yaml or application/json")
    read = read_document(body, "The body")
    if read.standard is not standard:
        raise InvalidRequest(f"The body is a {read.standard.kind}", why=f"a {standard.kind} is taken here", field="kind")
    return read, ImportWish(parse_binds(bind or ()), replace, str(asking(request).principal))


def sent(document: dict[str, object], form: Form) -> Response:
    """Answer with a document."""
    return Response(text_of(document, form), 200, media_type=MEDIA_TYPES[form])
