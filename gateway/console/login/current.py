"""Say who asks for a page. Every page but those of sign-in begins with this."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.frame.forms import see_other
from gateway.console.login import cookies, sessions
from gateway.console.login.parts import parts_of
from gateway.console.login.sessions import Signed, SignedOut

_STREAM = "text/event-stream"


async def person(request: Request) -> Signed:
    """Return the person who is signed in. Raises `SignedOut`, which `signed_out` answers.

    A stream of events, or a part that a page fetches by itself (`x-liaison-live`), does not keep a session alive.
    """
    by_itself = _STREAM in request.headers.get("accept", "") or "x-liaison-live" in request.headers
    return await sessions.current(parts_of(request), request, active=not by_itself)


async def signed_out(request: Request, error: Exception) -> Response:
    """Answer a request without a session: a page leads to sign-in, and back; anything else gets 401."""
    is_page = request.method == "GET" and request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    if not is_page or _STREAM in request.headers.get("accept", ""):
        return Response(None, 401, {"cache-control": "no-store"})
    query = f"?{request.url.query}" if request.url.query else ""
    why = error.code if isinstance(error, SignedOut) else ""
    ended = "" if why == "no-session" else "&ended=1"
    answer = see_other(f"/login?next={quote(request.url.path + query, safe='/')}{ended}")
    if not ended:
        return answer
    cookies.take_away(answer, cookies.SESSION)
    return answer
