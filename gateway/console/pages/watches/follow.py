"""Ask for more about a hit that a watch of ours was told of: which hit, the facts, an office there, and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.clock import rfc3339_s
from gateway.console.frame.forms import Form, text_of
from gateway.console.frame.shapes import Option
from gateway.console.pages.threads.forms import Part, Writer
from gateway.console.pages.threads.reasons import OFFICE, office_part, read_office
from gateway.console.uploads.attached import FilesPart
from gateway.desk.watches.standing import WatchStand
from gateway.desk.watches.values import OwnWatch
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import RECORD_TYPES
from gateway.model.desk.notices import Urgency
from gateway.model.handed.asks import FollowWatch, Reasons
from gateway.model.names import ExchangeId, exchange_id, member_id

_FACTS, _HIT = "facts", "hit"
FOLLOW_FIELDS = frozenset({_FACTS, _HIT, OFFICE})
"""The fields of the form, as a refusal may name them."""


@dataclass(frozen=True, slots=True)
class FollowForm:
    """The form by which the owner of a hit is asked for more. `open`: something in it was refused."""

    hits: Sequence[Option]
    hit_fault: str
    parts: Sequence[Part]
    files: FilesPart
    open: bool


def follow_form(
    stands: Sequence[WatchStand], writer: Writer, offices: Mapping[str, Sequence[str]], files: FilesPart
) -> FollowForm | None:
    """Return the form for the hits that a watch was told of, None where it was told of none."""
    language, chosen = writer.language, writer.value(_HIT)
    hits = [
        Option(
            value := f"{stand.member}.{met.notice_id}.{met.number}",
            f"{with_country(stand.member, language)}: {type_words(met.hit.record_type, language)}, "
            f"{moment(rfc3339_s(met.time_us), language)}",
            chosen=value == chosen,
        )
        for stand in stands
        for met in stand.hits
    ]
    facts = writer.area(_FACTS, tell(language, "What has happened, for the human there who decides"))
    office = office_part(writer, {stand.member: offices.get(stand.member, ()) for stand in stands if stand.hits})
    return (
        FollowForm(
            hits=hits,
            hit_fault=writer.fault(_HIT),
            parts=(facts, office),
            files=files,
            open=bool(writer.sent.faults),
        )
        if hits
        else None
    )


def read_follow(form: Form, watch: OwnWatch, offices: Mapping[str, Sequence[str]]) -> FollowWatch:
    """Return the follow-up that a form asks for. Raises `Malformed`, which names the field, and `Unknown`."""
    peer, notice, number = _hit(form.one(_HIT))
    return FollowWatch(
        peer=peer,
        watch=watch.thread_with(member_id(peer)),
        notice_id=notice,
        hit=number,
        reasons=Reasons(facts=text_of(form, Reasons, "facts", _FACTS), urgency=Urgency.PRIORITY),
        to_office=read_office(form, offices.get(peer, ())),
    )


def type_words(record_type: str, language: Language) -> str:
    """Return the type of a record in words."""
    return tell(language, RECORD_TYPES[record_type]) if record_type in RECORD_TYPES else record_type


def _hit(text: str) -> tuple[str, ExchangeId, int]:
    """Return the hit that was chosen. Raises `Malformed` for one of no list."""
    peer, _, rest = text.partition(".")
    notice, _, number = rest.partition(".")
    if not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise Malformed("choose one of the list", code="bad-watch", where=_HIT)
    return peer, exchange_id(notice), int(number)
