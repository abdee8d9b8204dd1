"""What all answers say together: never `no hit` where anything is not known, in any language."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.console.pages.found import _summary, _view
from gateway.errors import Reason
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.exchange import Outcome, Refusal
from gateway.model.names import MemberId
from gateway.model.search import Line, Search
from gateway.views.search.fields import search_value
from tests.support.tables import table

TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")
REFUSED = Refusal(Reason.PERMISSION_DENIED, "no-agreement")
NO_HIT = Line(VN, Outcome.NO_HIT, exchange_id="0" * 32)
NOT_KNOWN = {
    "silent": Line(VN, Outcome.SILENT),
    "silent for long": Line(VN, Outcome.SILENT, silent_since_us=1_700_000_000_000_000),
    "refused": Line(VN, Outcome.REFUSED, refusal=REFUSED),
    "suspended": Line(VN, Outcome.SUSPENDED, refusal=REFUSED),
    "too many": Line(VN, Outcome.TOO_MANY, refusal=Refusal(Reason.PERMISSION_DENIED, "quota")),
    "not accepted": Line(VN, Outcome.NOT_ACCEPTED, refusal=Refusal(Reason.PERMISSION_DENIED, "tls-name")),
    "not searched": Line(VN, Outcome.NOT_SEARCHED),
    "sources did not answer": Line(VN, Outcome.NOT_SEARCHED, missing=("police",)),
    "partial": Line(VN, Outcome.PARTIAL, missing=("police",)),
    "in part switched off": Line(VN, Outcome.SUSPENDED, missing=("Person",), suspended=("Person",)),
}
"""Lines that are no answer in full."""


def search(*lines: Line, waiting: tuple[MemberId, ...] = (), failed: Refusal | None = None) -> Search:
    return Search("5" * 32, "th.o.1042", 0, not waiting, waiting, lines, failed=failed)


UNKNOWN = {
    **{name: search(line) for name, line in NOT_KNOWN.items()},
    "one of two": search(NO_HIT, Line(KH, Outcome.SILENT)),
    "waiting": search(NO_HIT, waiting=(KH,)),
    "failed": search(NO_HIT, failed=Refusal(Reason.PERMISSION_DENIED, "storage-lost")),
}
"""Searches of which something is not known."""


@table("language", Language)
@table("said", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_never_no_hit(said: Search, language: Language) -> None:
    banner = _summary([search_value(said, language)], language)
    assert banner.title != tell(language, "No hit from anybody who was asked.")
    assert banner.tone != "done"


def test_one_question_with_an_open_end_keeps_the_other_from_saying_no_hit() -> None:
    whole, open_end = search_value(search(NO_HIT)), search_value(search(Line(KH, Outcome.SILENT)))
    assert _summary([whole, open_end], Language.EN).tone == "warn"
    assert _summary([whole, whole], Language.EN).tone == "done"


@table("language", Language)
def test_n229_an_answer_from_a_forked_log_stands_with_a_word_of_doubt(language: Language) -> None:
    """CASE-N229."""
    forked = replace(NO_HIT, log_forked=True)
    doubted, plain = _view([search_value(search(forked, NO_HIT), language)], "/gate/x", "th", language).answers
    assert doubted.line == plain.line
    assert (bool(doubted.doubt), plain.doubt) == (True, "")


def test_a_member_that_is_waited_for_has_a_line_that_says_so() -> None:
    view = _view([search_value(search(NO_HIT, waiting=(KH,)))], "/gate/x", "th", Language.EN)
    assert not view.is_over
    assert [(each.name, each.tag.tone) for each in view.waiting] == [("Cambodia (kh)", "quiet")]
    assert view.path == "/gate/x"


@table("language", Language)
@table("line", NOT_KNOWN.values(), ids=NOT_KNOWN)
def test_a_line_without_a_whole_answer_is_quiet_and_does_not_read_as_no_hit(line: Line, language: Language) -> None:
    (answer,) = _view([search_value(search(line), language)], "/gate/x", "th", language).answers
    assert answer.line.tag.tone == "quiet"
    text = str(answer.line.tag.text)
    assert text != tell(language, "no hit")
    clause = tell(language, "This does not mean no hit.").rstrip(".။។。 ")
    if line.outcome not in (Outcome.REFUSED, Outcome.SUSPENDED):  # these say who refused, and why
        assert clause.lower() in text.lower()
