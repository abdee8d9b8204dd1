"""The door of each page: who comes in, what becomes of errors, how the answer is shown, and what guards it.

Each handler gets a `Visit` whose person an officer token has just proved. It returns a `Page`, a `To`, or a response of
its own. A refusal becomes a page that says what was wrong and what to do next; nothing internal is shown.

The headers of every answer say what a page may load and do, and that no cache keeps it (CASE-L5, CASE-L6).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.console.frame.errors import error_page
from gateway.console.frame.events import EVENT_STREAM, Streams
from gateway.console.frame.forms import MAX_FORM, Form, check_sender, read_form, see_other
from gateway.console.frame.page import Page, To
from gateway.console.login import sessions
from gateway.console.login.sessions import Signed, SignedOut, language_of, parts_of
from gateway.console.visits.render import Renderer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.people.times import OFFSETS
from gateway.errors import Forbidden, LiaisonError, Refused, Unauthenticated, Unknown
from gateway.language.dates import tell_times_of
from gateway.language.languages import Language
from gateway.model.desk.work import Role

Answer = Page | To | Response
Handler = Callable[[Visit], Awaitable[Answer]]
FormHandler = Callable[[Visit, Form], Awaitable[Answer]]


class Door:
    """Makes the routes of pages. `open_to` names the roles that may come in; without it all persons may."""

    def __init__(self, parts: ConsoleParts, renderer: Renderer) -> None:
        self._parts = parts
        self._renderer = renderer
        self._streams = Streams(parts.clock.monotonic)

    def get(self, path: str, handler: Handler, open_to: Iterable[Role] = ()) -> Route:
        """Return the route of a page that shows something."""

        async def serve(request: Request) -> Response:
            return await self._served(request, handler, frozenset(open_to))

        return Route(path, serve, methods=["GET"], name=path)

    def post(self, path: str, handler: FormHandler, open_to: Iterable[Role] = (), most: int = MAX_FORM) -> Route:
        """Return the route of a form: it is refused unless one of our own pages sent it (CASE-L6)."""

        async def handle(visit: Visit) -> Answer:
            return await handler(visit, await read_form(visit.request, self._parts.login.origin(), most))

        async def serve(request: Request) -> Response:
            return await self._served(request, handle, frozenset(open_to))

        return Route(path, serve, methods=["POST"], name=f"{path} post")

    def upload(self, path: str, handler: Handler, open_to: Iterable[Role] = ()) -> Route:
        """Return the route of a form that may bring files: the handler reads it as it comes."""

        async def handle(visit: Visit) -> Answer:
            check_sender(visit.request, self._parts.login.origin())
            return await handler(visit)

        async def serve(request: Request) -> Response:
            return await self._served(request, handle, frozenset(open_to))

        return Route(path, serve, methods=["POST"], name=f"{path} post")

    async def _served(self, request: Request, handler: Handler, open_to: frozenset[Role]) -> Response:
        visit: Visit | None = None
        # First of all: the pages of errors tell their times in the country's time as well.
        begin_visit(self._parts.member)
        try:
            visit = Visit(request, await person(request), self._parts.clock.now_us())
            if open_to and not visit.roles & open_to:
                raise Forbidden("this page is for other roles", code="role-not-permitted", where="desk")
            answer = await handler(visit)
            if isinstance(answer, StreamingResponse) and answer.media_type == EVENT_STREAM:
                who, goes_on = visit.who.session.id, partial(self._goes_on, visit)
                answer = self._streams.watch(answer, request, who, visit.officer, goes_on)
            return self._shown(answer, request, visit)
        except SignedOut as error:
            return await signed_out(request, error)
        except LiaisonError as error:
            return self._refused(request, visit, error)

    async def _goes_on(self, visit: Visit, is_due: bool) -> bool:
        """Tell whether the person of a stream is still signed in, with the roles of before."""
        try:
            self._parts.login.tokens.check(visit.officer)
            return not is_due or (await person(visit.request)).person.roles >= visit.roles
        except Unauthenticated:
            return False
        except LiaisonError:  # the identity provider, for instance, cannot be asked now
            return True

    def _shown(self, answer: Answer, request: Request, visit: Visit) -> Response:
        if isinstance(answer, Response):
            return answer
        return see_other(answer.path) if isinstance(answer, To) else self._renderer.response(answer, request, visit)

    def _refused(self, request: Request, visit: Visit | None, error: LiaisonError) -> Response:
        if isinstance(error, Refused):
            self._parts.refused(error.code)
        else:
            self._parts.failed(error)
        return self._renderer.response(error_page(error, language_of_visit(request, visit)), request, visit)

    async def missing(self, request: Request, error: Exception) -> Response:
        """Answer a path or a method that is not there; a stranger learns no more than that one signs in here."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        unknown = Unknown("there is no such page", code="no-such-path")

        async def show(visit: Visit) -> Answer:
            page = error_page(unknown, visit.language)
            return self._renderer.response(page, request, visit, status)

        return await self._served(request, show, frozenset())

    async def unforeseen(self, request: Request, error: Exception) -> Response:
        """Answer an error that was not foreseen, without a word of it."""
        self._parts.failed(error)
        failed = LiaisonError("the page failed", code="internal")
        return self._renderer.response(error_page(failed, language_of(request)), request, None)


def language_of_visit(request: Request, visit: Visit | None) -> Language:
    """Return the language of a person, or the one that the browser prefers."""
    return visit.language if visit is not None else language_of(request)


def begin_visit(member: str) -> None:
    """Tell the times of a request's page in those of a member's country; a country of no list has UTC."""
    tell_times_of(OFFSETS.get(member, 0))


# ------------------------------------------------------------ who asks


async def person(request: Request) -> Signed:
    """Return the person who is signed in. Raises `SignedOut`, which `signed_out` answers.

    A stream of events, or a part that a page fetches by itself (`x-liaison-live`), does not keep a session alive.
    """
    by_itself = EVENT_STREAM in request.headers.get("accept", "") or "x-liaison-live" in request.headers
    return await sessions.current(parts_of(request), request, active=not by_itself)


async def signed_out(request: Request, error: Exception) -> Response:
    """Answer a request without a session: a page leads to sign-in, and back; anything else gets 401."""
    # A browser that does not say how it fetches counts as one that shows a page.
    is_page = request.method == "GET" and request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    if not is_page or EVENT_STREAM in request.headers.get("accept", ""):
        return Response(None, 401, {"cache-control": "no-store"})
    query = f"?{request.url.query}" if request.url.query else ""
    why = error.code if isinstance(error, SignedOut) else ""
    ended = "" if why == "no-session" else "&ended=1"
    answer = see_other(f"/login?next={quote(request.url.path + query, safe='/')}{ended}")
    if not ended:
        return answer
    sessions.take_away(answer, sessions.SESSION)
    return answer


# ------------------------------------------------------------ what guards every answer


CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types liaison"
)

_ALWAYS = {
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    "referrer-policy": "same-origin",  # with no-referrer a browser sends `Origin: null` with our own forms
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The policy of files that are handed out as attachments: shown by mistake, they do nothing."""

_UNLESS_SET = {"cache-control": "no-store"}


class Guarded:
    """Adds the headers to every answer (ASGI)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                if headers.get("content-disposition", "").startswith("attachment"):
                    headers["content-security-policy"] = FILE_POLICY
                for name, value in _UNLESS_SET.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


HEADERS_TOO_LARGE = Guarded(PlainTextResponse("", 431))
"""The answer to a request whose headers are too many or too long."""
