"""Signing in with a token or the API key, and out again."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from factbook.api.security import Caller, knows_key
from factbook.app import Factbook
from factbook.errors import FactbookError
from factbook.web.door import COOKIE, SESSION_SECONDS, bounded_body, is_own_form, seal
from factbook.web.rendering import SECURITY_HEADERS, Page, environment


async def sign_in(request: Request) -> Response:
    """Show the form; take a credential that is good, and go where one wanted to."""
    if request.method == "GET":
        return _form(_within(request.query_params.get("to", "")), "")
    if not is_own_form(request):
        return _form("/ui", "The form was sent by another site.", 403)
    sent = parse_qs((await bounded_body(request) or b"").decode("utf-8", "replace"))
    credential, to = sent.get("credential", [""])[0].strip(), _within(sent.get("to", [""])[0])
    factbook: Factbook = request.app.state.factbook
    if not await run_in_threadpool(_is_good, factbook, credential):
        return _form(to, "That is no token or key that is good here.", 401)
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        COOKIE,
        seal(factbook, credential),
        max_age=SESSION_SECONDS,
        path="/ui",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def sign_out(request: Request) -> Response:
    """Forget the session."""
    answer = RedirectResponse("/ui/sign-in", 303)
    if is_own_form(request):
        answer.delete_cookie(COOKIE, path="/ui", httponly=True, samesite="strict")
    return answer


def _is_good(factbook: Factbook, credential: str) -> bool:
    if not credential:
        return False
    if knows_key(Caller(method="POST", path="", client=None, host=None, key=credential), factbook.settings.api_key):
        return True
    try:
        factbook.doorkeeper.check(credential)
    except FactbookError:
        return False
    return True


def _within(to: str) -> str:
    """Return an address of ours, whatever was asked for."""
    return to if to == "/ui" or (to.startswith("/ui/") and "\\" not in to and "//" not in to.partition("?")[0]) else "/ui"


def _form(to: str, wrong: str, status: int = 200) -> Response:
    shown = environment().get_template("sign_in.html").render(about=Page("Sign in"), to=to, wrong=wrong)
    return Response(shown, status, SECURITY_HEADERS, "text/html; charset=utf-8")
