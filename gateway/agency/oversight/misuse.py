"""`/v1/misuse`: tokens "not this person" of ours; and their check beside the hits of a search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, desk_of
from gateway.clock import SECOND_US, rfc3339
from gateway.desk.listing import USUAL_LISTED
from gateway.desk.misuse.checking import Checked
from gateway.desk.misuse.issuing import IssuedToken
from gateway.language.languages import Language
from gateway.model.desk.codes import ChangeReason
from gateway.model.handed.tokens import CheckToken, IssueToken, WithdrawToken
from gateway.model.names import exchange_id
from gateway.views.desk.misuse import told_of

TokenId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]
_EXAMPLE: dict[str, Any] = {
    "work": "distinguish.th.5f0c",
    "documents": [{"number": "P4471209", "issuer": "THA"}],
    "consent": "signed paper 12/2026",
}


ISSUE = Handed(IssueToken, "IssueBody", example=_EXAMPLE)
WITHDRAW = Handed(WithdrawToken, "WithdrawBody")
CHECK = Handed(CheckToken, "CheckBody")


class TokenBody(BaseModel):
    """A token of ours. `token` is what the person carries, as text or as a QR code of it."""

    id: str
    token: str
    agency: str
    record: str
    record_type: str
    consent: str
    by: str
    issued: str
    until: str
    withdrawn: str


class TokenListBody(BaseModel):
    """Tokens of the caller's agency that are in their time; `next` is the `after` of the next page, or empty."""

    tokens: list[TokenBody]
    next: str


class CheckedBody(BaseModel):
    """The worth of a token beside a hit: `text` says it in words. In all cases the hit stands.

    `verdict` is `not-this-person`, `other-document`, `expired`, `withdrawn`, `forged` or `no-hit-of-theirs`. `hits` are
    the numbers of the owner's hits in its line.
    """

    verdict: str
    text: str
    member: str
    agency: str
    record_type: str
    until: str
    hits: list[int]


def misuse_routes() -> APIRouter:
    """Return the routes of tokens."""
    router, own = APIRouter(), APIRouter(prefix="/misuse", route_class=OnceRoute)
    checks = APIRouter(route_class=OnceRoute)

    @own.post("", status_code=201, response_model=TokenBody, responses=CHANGED, openapi_extra=ISSUE.documented)
    async def issue_token(request: Request) -> Response:
        """Issue a token: the person with these documents is not the person of the record that hit."""
        officer, desk = officer_of(request), desk_of(request)
        form = ISSUE.read(await json_body(request), "bad-person-token")
        made = await desk.misuse.issue(desk.actor(officer), form, once_id(request))
        return shown(_token_body(made), request, 201)

    @own.get("", response_model=TokenListBody, responses=refusals(400))
    async def list_tokens(request: Request, limit: Limit = USUAL_LISTED, after: After = "") -> Response:
        """Return tokens of the caller's agency that are in their time, page by page."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.misuse.all(desk.actor(officer), limit=limit, after=after)
        body = TokenListBody(tokens=[_token_body(one) for one in found.items], next=found.next)
        return shown(body, request)

    @own.get("/{token_id}", response_model=TokenBody, responses=refusals(400, 404))
    async def get_token(request: Request, token_id: TokenId) -> Response:
        """Return one token, to be printed again."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.misuse.show(desk.actor(officer), exchange_id(token_id))
        return shown(_token_body(found), request)

    @own.post("/{token_id}/withdraw", response_model=TokenBody, responses=CHANGED, openapi_extra=WITHDRAW.documented)
    async def withdraw_token(request: Request, token_id: TokenId) -> Response:
        """Withdraw a token: every counterpart is told, and its gates refuse it."""
        officer, desk = officer_of(request), desk_of(request)
        form = WITHDRAW.read(await json_body(request), "bad-person-token")
        found = await desk.misuse.withdraw(desk.actor(officer), exchange_id(token_id), ChangeReason(form.reason))
        return shown(_token_body(found), request)

    @checks.post(
        "/searches/{search_id}/token", response_model=CheckedBody, responses=CHANGED, openapi_extra=CHECK.documented
    )
    async def check_token(request: Request, search_id: Annotated[str, Path(max_length=64)]) -> Response:
        """Check a token of the person who is there beside the hits of a search of the caller: the hits stand."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = CHECK.read(await json_body(request), "bad-person-token")
        found = await desk.tokens.check(desk.actor(officer), search_id, form.token, form.number, form.issuer)
        return shown(_checked_body(found, language), request)

    router.include_router(own)
    router.include_router(checks)
    return router


def _token_body(one: IssuedToken) -> TokenBody:
    said = one.said
    return TokenBody(
        id=said.id,
        token=one.token,
        agency=said.agency,
        record=one.record,
        record_type=said.record_type,
        consent=one.consent,
        by=one.by,
        issued=rfc3339(said.issued * SECOND_US),
        until=rfc3339(said.expires * SECOND_US),
        withdrawn=rfc3339(one.withdrawn_us) if one.withdrawn_us else "",
    )


def _checked_body(found: Checked, language: Language) -> CheckedBody:
    said = found.said
    until = rfc3339(said.expires * SECOND_US) if said is not None else ""
    return CheckedBody(
        verdict=found.verdict.value,
        text=told_of(found, language),
        member=said.member if said is not None else "",
        agency=said.agency if said is not None else "",
        record_type=said.record_type if said is not None else "",
        until=until,
        hits=list(found.hits),
    )
