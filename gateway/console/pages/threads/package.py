"""The page of an opened answer: records in words, the rules to obey, and the copy rules; gone once it is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.frame.page import Page
from gateway.console.frame.records import as_written, record_rows
from gateway.console.frame.shapes import Banner, Proof, Row, Tag, Text
from gateway.console.pages.threads.acts import not_same_form, outcome_form
from gateway.console.pages.threads.forms import ActForm, Sent, Writer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.holdings.ledger import UNHEARD, WITHDRAWN
from gateway.desk.second_step.packages import Package
from gateway.errors import Forbidden
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import RECORD_TYPES, named
from gateway.model.desk.notices import ReplyCode
from gateway.records.verify import VerifiedRecord
from gateway.views.desk.words import notice_words, reason_words
from gateway.views.search.lines import marking_text, released_text
from gateway.views.words.code_words import raised


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A record of the answer: what must be seen first, the fields, the rules to obey, and its proof."""

    title: str
    first: Sequence[str]
    about: str
    rows: Sequence[Row]
    marking: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class PackageView:
    """An opened answer. `gone` says why nothing of it is shown any more; then there is nothing else."""

    tags: Sequence[Tag]
    gone: Banner | None
    lines: Sequence[Text | str]
    matter: str
    records: Sequence[PackageRecord] = ()
    forms: Sequence[ActForm] = ()


class PackagePages:
    """The pages of opened answers."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return an answer that was opened, once the entry of this reading is durable."""
        desk, path = self._parts.desk, visit.request.url.path.removesuffix("/package")
        key = await desk.reading.key(visit.officer, visit.part("thread"), visit.part("peer"))
        title = tell(visit.language, "The answer of {peer}", peer=with_country(key.peer, visit.language))
        try:
            found = await desk.packages.see_again(visit.actor, key)
        except Forbidden as error:
            if error.code not in (WITHDRAWN, UNHEARD):
                raise
            view = PackageView((), _gone(error.code, visit.language), (), path)
            return Page("pages/threads/package.html", title, view, 200, f"{path}/events", key.thread_id)
        view = _view(found, path, visit.language)
        return Page("pages/threads/package.html", title, view, 200, f"{path}/events", found.notice_id)


def _gone(code: str, language: Language) -> Banner:
    text = tell(language, "Its owner has withdrawn or changed this record: it is not shown any more.")
    if code == UNHEARD:
        text = tell(
            language, "It is not known here whether this record still stands: it is not shown until its owner says so."
        )
    line = tell(language, "Do not use what you have read or printed. See the matter, and ask again if you need it.")
    return Banner(text, (line,), "danger")


def _view(found: Package, path: str, language: Language) -> PackageView:
    reply, writer = found.reply, Writer(language, Sent())
    is_given = reply.code in (ReplyCode.RELEASED, ReplyCode.PARTLY)
    tags = [Tag(notice_words("reply", reply.code.value, language), "done" if is_given else "warn")]
    if found.late:
        tags.append(Tag(tell(language, "LATE: after its time"), "danger"))
    forms = [outcome_form(path, writer)]
    if found.records:
        forms.insert(0, not_same_form(path, writer))
    return PackageView(
        tags=tuple(tags),
        gone=None,
        lines=(*((reason_words(reply.reason, language),) if reply.reason else ()), *as_written(reply.text)),
        matter=path,
        records=tuple(_record(record, found, language) for record in found.records),
        forms=tuple(forms),
    )


def _record(record: VerifiedRecord, found: Package, language: Language) -> PackageRecord:
    signed = "own" if record.own_key else "held-by-node"
    value = {"fields": record.fields, "marking": record.marking, "owner": record.owner, "signed_by": signed}
    hit = {"record": value, "record_type": record.type}
    lines = (f"record {record.jti}", f"notice {found.notice_id}", f"thread {found.key.thread_id}")
    return PackageRecord(
        title=named(record.type, RECORD_TYPES, language),
        first=raised(hit, language),
        about=released_text(value, record.type, language),
        rows=record_rows(record.fields, record.type, language),
        marking=marking_text(record.marking, language),
        proof=Proof(tell(language, "Proof"), lines),
    )
