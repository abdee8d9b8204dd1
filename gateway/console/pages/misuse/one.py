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
from gateway.console.frame.shapes import Banner, Button, Link, Proof, Row
from gateway.console.pages.misuse.issuing import type_words, until_words
from gateway.console.pages.oversight.shown import back_to, row
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import ActForm, Sent, Writer
from gateway.console.visits.door import Answer
from gateway.console.visits.parts import ConsoleParts
from gateway.console.visits.visit import Visit
from gateway.desk.misuse.issuing import IssuedToken
from gateway.errors import Malformed, Refused, Stale
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.model.desk.codes import ChangeReason
from gateway.model.names import exchange_id
from gateway.views.desk.misuse import WITHDRAWALS

_REASON = "reason"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as its owner sees it. `picture` is None once it is withdrawn."""

    banner: Banner | None
    rows: Sequence[Row]
    picture: CodePicture | None
    text: Proof | None
    links: Sequence[Link]
    form: ActForm | None
    back: Link
    faults: Sequence[tuple[str, str]]
    wrong: str


@dataclass(frozen=True, slots=True)
class SheetView:
    """The sheet that the person carries. It names no person and no record."""

    lines: Sequence[str]
    picture: CodePicture
    text: str
    back: Link


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
        owner = f"{with_country(said.member, language)}, {said.agency}"
        lines = (
            tell(
                language,
                "{owner} says: the holder of one of the documents that this code names is not the person of its"
                " record ({type}).",
                owner=owner,
                type=type_words(one, language),
            ),
            tell(language, "It holds {until}. Its owner can withdraw it.", until=until_words(one, language)),
            tell(
                language,
                "A border officer scans it together with the document. It hides no hit, and a check of the document"
                " goes on.",
            ),
        )
        view = SheetView(lines, _picture(one, visit), one.token, Link(f"{TOKENS}/{said.id}", tell(language, "Back")))
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
        sheet = Link(f"{TOKENS}/{one.said.id}/print", tell(language, "The sheet, to be printed"))
        view = TokenView(
            banner=_withdrawn(one, visit) if gone else None,
            rows=_rows(one, visit),
            picture=None if gone else _picture(one, visit),
            text=None if gone else Proof(tell(language, "The same as text"), (one.token,)),
            links=() if gone else (sheet,),
            form=None if gone else _form(one, writer),
            back=back_to(TOKENS, language),
            faults=tuple(sent.faults.items()),
            wrong=tell(language, "This was not done"),
        )
        title = tell(language, "Token “not this person”")
        return Page("pages/misuse/one.html", title, view, 400 if sent.faults else 200, printed=one.said.id)


def _picture(one: IssuedToken, visit: Visit) -> CodePicture:
    return code_picture(one.token, tell(visit.language, "The token, for a scanner"))


def _withdrawn(one: IssuedToken, visit: Visit) -> Banner:
    language = visit.language
    time = moment(rfc3339(one.withdrawn_us), language)
    line = tell(language, "Every counterpart is told, and its gates refuse it.")
    return Banner(tell(language, "Withdrawn {time}", time=time), (line,), "warn")


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
    parts = (writer.choice(_REASON, tell(language, "Why"), {"": "–"} | writer.told(WITHDRAWALS)),)
    button = Button(tell(language, "Withdraw it everywhere"), kind="danger")
    title = tell(language, "Withdraw it")
    action = f"{TOKENS}/{one.said.id}/withdraw"
    return ActForm("withdraw", title, action, parts, (button,), open=writer.has_fault(parts))
