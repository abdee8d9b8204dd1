"""One token of ours: what it says, its picture for the person, the sheet to be printed, and its withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import SECOND_US, rfc3339
from gateway.console.drawings.code import CodePicture, code_picture
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form
from gateway.console.frame.navigation import TOKENS
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Button, Row
from gateway.console.pages.misuse.issuing import type_words, until_words
from gateway.console.pages.oversight.shown import row
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import ActForm, Sent, Writer
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.misuse.issuing import IssuedToken
from gateway.errors import Malformed, Refused, Stale
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.model.desk.codes import ChangeReason
from gateway.model.handed.tokens import WithdrawToken
from gateway.model.names import exchange_id
from gateway.views.desk.misuse import WITHDRAWALS

_REASON = "reason"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as its owner sees it. `withdrawn` is when it was; then there is no `picture` any more."""

    withdrawn: str
    rows: Sequence[Row]
    picture: CodePicture | None
    text: str
    path: str
    form: ActForm | None
    faults: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SheetView:
    """The sheet that the person carries. It names no person and no record."""

    owner: str
    type: str
    until: str
    picture: CodePicture
    text: str
    path: str


class OnePages:
    """Makes the page of a token and its sheet, and takes its withdrawal."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return a token of the person's agency."""
        return await self._page(visit, Sent())

    async def printed(self, visit: Visit) -> Page:
        """Return the sheet that the person carries. Raises `Stale` for a token that is withdrawn."""
        one, language = await self._found(visit), visit.language
        if one.withdrawn_us:
            raise Stale("this token is withdrawn", code="withdrawn", where="token", remedy="issue a new one")
        said = one.said
        view = SheetView(
            owner=f"{with_country(said.member, language)}, {said.agency}",
            type=type_words(one, language),
            until=until_words(one, language),
            picture=_picture(one, visit),
            text=one.token,
            path=f"{TOKENS}/{said.id}",
        )
        return Page("pages/misuse/sheet.html", tell(language, "Not this person"), view, printed=said.id)

    async def withdraw(self, visit: Visit, form: Form) -> Answer:
        """Withdraw a token; every counterpart is told."""

        async def act() -> None:
            try:
                reason = ChangeReason(form.one(_REASON))
            except ValueError:
                raise Malformed("choose why", code="bad-change", where=_REASON) from None
            await self._parts.desk.misuse.withdraw(visit.actor, exchange_id(visit.part("token")), reason)

        try:
            await once(self._parts, visit, form, act)
        except Refused as error:
            return await self._page(visit, Sent.of(form, {_REASON: fault_of(error, visit.language)}))
        return To(f"{TOKENS}/{visit.part('token')}")

    async def _found(self, visit: Visit) -> IssuedToken:
        return await self._parts.desk.misuse.show(visit.actor, exchange_id(visit.part("token")))

    async def _page(self, visit: Visit, sent: Sent) -> Page:
        one, language = await self._found(visit), visit.language
        gone, writer = bool(one.withdrawn_us), Writer(language, sent)
        view = TokenView(
            withdrawn=moment(rfc3339(one.withdrawn_us), language) if gone else "",
            rows=_rows(one, visit),
            picture=None if gone else _picture(one, visit),
            text=one.token,
            path=f"{TOKENS}/{one.said.id}",
            form=None if gone else _form(one, writer),
            faults=tuple(sent.faults.items()),
        )
        title = tell(language, "Token “not this person”")
        return Page("pages/misuse/one.html", title, view, 400 if sent.faults else 200, printed=one.said.id)


def _picture(one: IssuedToken, visit: Visit) -> CodePicture:
    return code_picture(one.token, tell(visit.language, "The token, for a scanner"))


def _rows(one: IssuedToken, visit: Visit) -> tuple[Row, ...]:
    language, said = visit.language, one.said
    record = f"{type_words(one, language)} {one.record}"
    return (
        *row(tell(language, "Not the person of"), record),
        *row(tell(language, "Agency"), said.agency),
        *row(tell(language, "Documents"), str(len(said.documents))),
        *row(tell(language, "Consent"), one.consent),
        *row(tell(language, "Issued by"), one.by),
        *row(tell(language, "Issued"), moment(rfc3339(said.issued * SECOND_US), language)),
        *row(tell(language, "Holds"), until_words(one, language)),
    )


def _form(one: IssuedToken, writer: Writer) -> ActForm:
    language = writer.language
    parts = (writer.one_of(WithdrawToken, _REASON, {"": "–"} | writer.told(WITHDRAWALS)),)
    button = Button(tell(language, "Withdraw it everywhere"), kind="danger")
    title = tell(language, "Withdraw it")
    action = f"{TOKENS}/{one.said.id}/withdraw"
    return ActForm("withdraw", title, action, parts, (button,), open=writer.has_fault(parts))
