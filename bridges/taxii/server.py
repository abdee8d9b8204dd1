"""The paths of TAXII 2.1 (OASIS, sections 4 and 5) that a reader needs. Nothing can be written, deleted or uploaded."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridges.report import NAMESPACE, moment_us
from bridges.taxii.readers import Reader, Readers
from bridges.taxii.shelf import MOST, Page, Shelf, Wanted, after, place_of, version_of
from gateway.clock import rfc3339
from gateway.errors import LiaisonError, Malformed, Reason, Unauthenticated

MEDIA_TYPE = "application/taxii+json;version=2.1"
STIX_TYPE = "application/stix+json;version=2.1"
COLLECTION = str(uuid.uuid5(NAMESPACE, "collection/reports"))
ALIAS = "reports"
ROOT = "/reports/"

_STATUS = {
    Reason.INVALID_ARGUMENT: 400,
    Reason.UNAUTHENTICATED: 401,
    Reason.PERMISSION_DENIED: 403,
    Reason.NOT_FOUND: 404,
    Reason.RESOURCE_EXHAUSTED: 503,
    Reason.UNAVAILABLE: 503,
}
_CHALLENGE = 'Bearer realm="liaison", Basic realm="liaison", charset="UTF-8"'
_ACCEPTED = {"*/*", "application/*", "application/taxii+json"}
_MOST_PATTERNS = 100

Told = Callable[[str, dict[str, object]], None]
"""Tells the operator's log what was read, and by whom."""


def application(shelf: Shelf, readers: Readers, title: str, told: Told) -> ASGIApp:
    """Return the server's application."""
    paths = _Paths(shelf, title, told)
    routes: dict[str, Any] = {"/taxii2/": paths.discovery, ROOT: paths.root, ROOT + "collections/": paths.collections}
    for name in (COLLECTION, ALIAS):
        base = f"{ROOT}collections/{name}/"
        routes |= {
            base: paths.collection,
            base + "manifest/": paths.manifest,
            base + "objects/": paths.objects,
            base + "objects/{object_id}/": paths.object,
            base + "objects/{object_id}/versions/": paths.versions,
        }
    # With and without the last slash: a redirection would repeat the host that the reader's request names.
    both = [(name, call) for path, call in routes.items() for name in (path, path.rstrip("/"))]
    return Starlette(
        routes=[Route(path, call, methods=["GET"]) for path, call in both],
        middleware=[Middleware(_Admission, readers=readers)],
        exception_handlers={HTTPException: _refused_by_path, LiaisonError: _refused},
    )


class _Admission:
    """Lets in readers alone, and those alone that take TAXII 2.1; a stranger learns no path."""

    def __init__(self, app: ASGIApp, readers: Readers) -> None:
        self._app = app
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            certificate = scope.get("state", {}).get("client_certificate")
            scope["reader"] = self._readers.find(request.headers.get("authorization", ""), certificate)
        except LiaisonError as error:
            await _problem(error)(scope, receive, send)
            return
        if not _takes(request.headers.get("accept", "*/*")):
            await _error(406, "not-acceptable", f"this server speaks {MEDIA_TYPE}")(scope, receive, send)
            return
        await self._app(scope, receive, send)


class _Paths:
    """The answers."""

    def __init__(self, shelf: Shelf, title: str, told: Told) -> None:
        self._shelf = shelf
        self._title = title
        self._told = told

    async def discovery(self, _request: Request) -> Response:
        """Return where the reports are."""
        return _answer({"title": self._title, "default": ROOT, "api_roots": [ROOT]})

    async def root(self, _request: Request) -> Response:
        """Return what this root speaks."""
        return _answer({"title": self._title, "versions": [MEDIA_TYPE], "max_content_length": 1024})

    async def collections(self, _request: Request) -> Response:
        """Return the one collection."""
        return _answer({"collections": [_COLLECTION]})

    async def collection(self, _request: Request) -> Response:
        """Return what the collection holds."""
        return _answer(_COLLECTION)

    async def objects(self, request: Request) -> Response:
        """Return a page of the objects."""
        return self._objects(request, _wanted(request))

    async def object(self, request: Request) -> Response:
        """Return one object."""
        wanted = msgspec.structs.replace(_wanted(request), ids=frozenset({request.path_params["object_id"]}))
        return self._objects(request, self._known(request, wanted))

    async def manifest(self, request: Request) -> Response:
        """Return a page of what the collection holds, without the objects themselves."""
        page = self._shelf.page(_reader(request).audience, _wanted(request))
        rows = [
            {
                "id": row.object["id"],
                "date_added": rfc3339(row.added_us),
                "version": version_of(row.object),
                "media_type": STIX_TYPE,
            }
            for row in page.rows
        ]
        return _answer(_envelope("objects", rows, page), page)

    async def versions(self, request: Request) -> Response:
        """Return the version that an object has here; earlier ones are not handed out."""
        wanted = msgspec.structs.replace(_wanted(request), ids=frozenset({request.path_params["object_id"]}))
        page = self._shelf.page(_reader(request).audience, self._known(request, wanted))
        return _answer(_envelope("versions", [version_of(row.object) for row in page.rows], page), page)

    def _objects(self, request: Request, wanted: Wanted) -> Response:
        reader = _reader(request)
        page = self._shelf.page(reader.audience, wanted)
        reports = [row.object["id"] for row in page.rows if row.object["type"] == "report"]
        self._told("objects-read", {"reader": reader.name, "objects": len(page.rows), "reports": reports})
        return _answer(_envelope("objects", [row.object for row in page.rows], page), page)

    def _known(self, request: Request, wanted: Wanted) -> Wanted:
        """Return `wanted`, or raise for an object that this reader's list does not have."""
        if not self._shelf.page(_reader(request).audience, Wanted(ids=wanted.ids, limit=1)).rows:
            raise HTTPException(404)
        return wanted


_COLLECTION: dict[str, Any] = {
    "id": COLLECTION,
    "title": "Reports",
    "description": "How crimes are committed: reports without personal data, withdrawn ones as revoked",
    "alias": ALIAS,
    "can_read": True,
    "can_write": False,
    "media_types": [STIX_TYPE],
}


def _wanted(request: Request) -> Wanted:
    query = request.query_params
    added_after, following, limit = query.get("added_after"), query.get("next"), query.get("limit", "100")
    if not limit.isascii() or not limit.isdecimal() or len(limit) > 9:
        raise Malformed("`limit` is a number", code="bad-limit", where="limit")
    place = (-1, "")
    if added_after is not None:
        try:
            place = after(moment_us(added_after))
        except ValueError as error:
            raise Malformed("`added_after` is a moment of RFC 3339", code="bad-moment", where="added_after") from error
    if following is not None:
        place = max(place, place_of(following))
    return Wanted(
        after=place,
        limit=min(int(limit) or 100, MOST),  # a reader that has no wish says 0
        ids=_matched(query.get("match[id]")),
        types=_matched(query.get("match[type]")),
        versions=_matched(query.get("match[version]")) or frozenset({"last"}),
        spec_versions=_matched(query.get("match[spec_version]")),
    )


def _matched(text: str | None) -> frozenset[str]:
    found = frozenset((text or "").split(",")) - {""}
    if len(found) > _MOST_PATTERNS:
        raise Malformed("a filter has too many values", code="bad-match", where="match")
    return found


def _reader(request: Request) -> Reader:
    reader: Reader = request.scope["reader"]
    return reader


def _takes(accept: str) -> bool:
    """Tell whether one of the media types of an `Accept` is ours; another version is not."""
    for one in accept.split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        version = next((part.partition("=")[2].strip('"') for part in parameters if part.startswith("version=")), "2.1")
        if name in _ACCEPTED and version == "2.1":
            return True
    return False


def _envelope(name: str, rows: list[Any], page: Page) -> dict[str, Any]:
    """Return a page as an envelope. An empty list stands for no member, as the specification says."""
    envelope: dict[str, Any] = {"more": bool(page.following)}
    if page.following:
        envelope["next"] = page.following
    return envelope | ({name: rows} if rows else {})


def _answer(value: dict[str, Any], page: Page | None = None) -> Response:
    response = Response(msgspec.json.encode(value), media_type=MEDIA_TYPE)
    response.headers["cache-control"] = "no-store"
    if page is not None and page.rows:
        response.headers["x-taxii-date-added-first"] = rfc3339(page.rows[0].added_us)
        response.headers["x-taxii-date-added-last"] = rfc3339(page.rows[-1].added_us)
    return response


def _error(status: int, code: str, title: str) -> Response:
    body = {"title": title, "error_code": code, "http_status": str(status)}
    response = Response(msgspec.json.encode(body), status, media_type=MEDIA_TYPE)
    if status == 401:
        response.headers["www-authenticate"] = _CHALLENGE
    if status == 405:
        response.headers["allow"] = "GET, HEAD"
    if status == 503:
        response.headers["retry-after"] = "60"
    return response


def _problem(error: LiaisonError) -> Response:
    if isinstance(error, Unauthenticated):
        return _error(401, error.code, error.message)
    return _error(_STATUS.get(error.reason, 500), error.code, error.message)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LiaisonError)
    return _problem(error)


def _refused_by_path(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, title = {
        404: ("not-found", "there is no such thing here"),
        405: ("read-only", "this server can only be read"),
    }.get(error.status_code, ("refused", "the request cannot be served"))
    return _error(error.status_code, code, title)
