"""Codes of refusals are in words, with the code behind them, in each view that an auditor reads."""

from __future__ import annotations

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.show import Shown
from gateway.language.refusals import REFUSALS
from gateway.node.handshake import _CAUSES
from gateway.views.lines.entries import entry_line
from gateway.views.statistics import in_words
from gateway.views.words.reason_words import reason_in_words
from policy.explain import CODES
from tests.support.tables import table

QUOTA = "today's quota for this purpose is used up (quota)"


@table("code", sorted({*REFUSALS, *CODES, *(code for _, (_, code) in _CAUSES)}))
def test_every_code_is_explained_and_says_which_side_it_means(code: str) -> None:
    words = reason_in_words(code)
    assert words.endswith(f" ({code})")
    assert not any(told in words for told in ("that node", "our node", "the other country", "does not mean no hit"))


def test_an_unknown_code_stays_as_it_is() -> None:
    assert reason_in_words("Of-A-Newer-Version") == "Of-A-Newer-Version"


@table("measure", ["served-refusal", "received-refusal", "denied", "onward-refused", "not-accepted", "turned-away"])
def test_statistics_explain_reasons(measure: str) -> None:
    assert in_words(measure, "quota") == QUOTA


def test_an_entry_explains_its_code_once() -> None:
    entry = Entry("exchange/1", 3, 1_700_000_000_000_000, "answered", "vn", None, "ab" * 16, b"", b"", b"")
    told = "today's quota for this purpose is used up"
    line = entry_line("exchange/1", Shown(entry, {"outcome": "refused", "refusal": "quota"}))
    assert f"outcome refused, refusal quota, that is: {told}" in line
    assert told not in entry_line("exchange/1", Shown(entry, {"code": "quota", "detail": "it is used up"}))
