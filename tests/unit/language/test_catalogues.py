"""The catalogues: what the tree says, complete for what an officer meets, the same placeholders in every language."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import pytest
from babel.messages.catalog import Message

from gateway.errors import Forbidden, Malformed, Reason, Refused
from gateway.language.catalogue import Term, Translated, is_reviewed, tell, translation
from gateway.language.countries import country, with_country
from gateway.language.dates import day, moment
from gateway.language.languages import OTHERS, Language, accepted
from gateway.language.sentences import refusal, refusal_text, remedy, sentence
from gateway.language.terms import ACTIONS, CAVEATS, LEVELS, OFFENCES, ONWARD, PURPOSES, QUERIES, RECORD_TYPES, USES
from gateway.model.marking import PUBLIC_CAVEATS, Level, Onward, UseCode
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES as KINDS
from gateway.records.words import WORDS
from gateway.views.search.lines import headline
from tests.support import words
from tests.support.shared import PROJECT
from tests.support.tables import table

NOT_NO_HIT = "This does not mean no hit."


def _messages(language: Language) -> list[Message]:
    return [message for message in words.read_catalogue(language) if message.id]


@pytest.mark.long
@table("language", OTHERS)
def test_what_is_read_at_run_time_is_what_the_catalogue_says(language: Language) -> None:
    messages = _messages(language)
    assert [translation(str(each.id), language) for each in messages] == [each.string for each in messages]


@pytest.mark.long
def test_a_sentence_that_a_refusal_is_made_of_elsewhere_is_one_that_an_officer_meets() -> None:
    handed = {
        "this alert is over",
        "this report is over",
        "this watch is over",
        "this operation is over, or we have left it",
    }
    assert handed <= words.officer_sentences().keys()


@table("language", OTHERS)
@pytest.mark.long
def test_every_sentence_that_an_officer_meets_is_translated(language: Language) -> None:
    assert [text for text in words.officer_sentences() if not translation(text, language)] == []


@pytest.mark.long
@table("language", OTHERS)
def test_placeholders_are_those_of_english(language: Language) -> None:
    differ = [
        each.id
        for each in _messages(language)
        if words.placeholders(str(each.id)) != words.placeholders(str(each.string))
    ]
    assert differ == []


@table("language", OTHERS)
def test_the_guide_says_which_catalogues_a_native_reader_has_read(language: Language) -> None:
    guide = (PROJECT / "docs" / "guides" / "languages.md").read_text(encoding="utf-8")
    row = next(line for line in guide.splitlines() if line.startswith(f"| `{language}` "))
    assert row.endswith("| yes |" if words.reviewed(language) else "| no |")


@pytest.mark.long
def test_what_is_missing_is_counted_for_each_language() -> None:
    missing = words.missing_translations()
    assert missing.keys() == set(map(str, OTHERS))
    assert all(count >= 0 for count in missing.values())


@table(
    ("table", "kind"),
    [
        (PURPOSES, Purpose),
        (OFFENCES, Offence),
        (QUERIES, QueryKind),
        (LEVELS, Level),
        (USES, UseCode),
        (ONWARD, Onward),
    ],
)
def test_every_code_of_a_closed_list_has_words(table: dict[str, str], kind: type[StrEnum]) -> None:
    assert list(table) == [code.value for code in kind]


def test_every_record_type_action_and_public_caveat_has_words() -> None:
    assert RECORD_TYPES.keys() == KINDS.keys()
    assert list(ACTIONS) == [code.value for kind in ("AlertClass", "DoNot") for code in WORDS[kind]]
    assert CAVEATS.keys() == {code.value for code in PUBLIC_CAVEATS}


# ------------------------------------------------------------ silence


def _line(outcome: str, code: str = "", **changes: object) -> dict[str, object]:
    told = {"reason": "UNAVAILABLE", "code": code, "text": ""} if code else None
    base: dict[str, object] = {
        "member": "vn", "outcome": outcome, "missing": [], "capped": False, "hits": [], "refusal": told,
        "withheld_count": None, "last_seen": None, "late": False,
    }  # fmt: skip
    return base | changes


NO_ANSWERS = [
    _line("silent"),
    _line("silent", last_seen="2026-11-24T09:00:00Z"),
    _line("not_accepted", "from-the-future"),
    _line("not_accepted", "bad-signature"),
    *(_line("not_accepted", f"tls-{word}") for word in ("out-of-time", "authority", "name", "protocol")),
    _line("not_accepted", "no-tls-key"),
    _line("not_accepted"),
    _line("silent", "unreachable"),
    _line("suspended"),
    _line("suspended", "suspended"),
    _line("refused", "purpose-not-covered"),
    _line("refused", "of-a-newer-version"),
    _line("refused", "receipts-due"),
    _line("not_searched"),
    _line("not_searched", missing=["customs records"]),
    _line("not_searched", "bad-query", missing=["customs records"]),
    _line("no_hit", missing=["customs records"]),
    *(_line("too_many", code) for code in ("rate-limit", "fault-limit", "in-flight-limit", "overloaded")),
]


@table("language", OTHERS)
@table("line", NO_ANSWERS, ids=lambda line: f"{line['outcome']}-{line['refusal'] is not None}")
def test_what_is_no_answer_cannot_be_read_as_no_hit(language: Language, line: dict[str, object]) -> None:
    text, style = headline(line, "th", language)
    clause = tell(language, NOT_NO_HIT).rstrip(".។။。")
    assert text.casefold().count(clause.casefold()) == 1
    assert style == "warn"
    rest = text.casefold().replace(clause.casefold(), "")
    assert tell(language, "no hit").casefold() not in rest


@table("language", OTHERS)
def test_hit_no_hit_and_no_answer_differ_in_every_language(language: Language) -> None:
    told = {headline(line, "th", language)[0] for line in (_line("hit", hits=[{}]), _line("no_hit"), *NO_ANSWERS[:1])}
    assert len(told) == 3
    assert not any(word in text for text in told for word in ("hit", "silent", "{"))


# ------------------------------------------------------------ telling


def test_the_template_s_own_translation_comes_first_then_the_code_s_then_the_reason_s_then_english() -> None:
    own = Forbidden("`{member}` is not an active member of the federation", code="not-a-member", member="vn")
    assert sentence(own, Language.ZH) == "`vn` 不是联盟的有效成员"
    general = Forbidden("a text that no catalogue has", code="not-a-member")
    assert sentence(general, Language.ZH) == refusal("not-a-member", "", Language.ZH) == "该国不是联盟的有效成员"
    coarse = Refused("a text that no catalogue has", code="of-a-newer-version")
    coarse.reason = Reason.PERMISSION_DENIED
    assert sentence(coarse, Language.ZH) == "不允许"
    assert sentence(coarse, Language.EN) == "a text that no catalogue has"
    assert tell(Language.ZH, "a text that no catalogue has") == "a text that no catalogue has"
    assert refusal("of-a-newer-version", "OF_A_NEWER_VERSION", Language.ZH) == ""


def test_a_remedy_is_translated_or_stays_english() -> None:
    error = Malformed("x", remedy="start it: liaison serve --home {home}", home="{home}")
    assert remedy(error, Language.VI) == "hãy khởi động: liaison serve --home {home}"
    assert remedy(Malformed("x", remedy="run y"), Language.VI) == "run y"


def test_a_term_is_translated_inside_its_sentence() -> None:
    said = tell(Language.TH, "A question for `{purpose}` needs a case number.", purpose=Term("border check"))
    assert said == "คำถามเพื่อ `การตรวจที่ชายแดน` ต้องมีเลขคดี"


def test_what_was_told_in_the_reader_s_language_stays_as_it_is() -> None:
    error = Refused(Translated("ไม่พบ {x}"), code="not-a-member", remedy=Translated("รอ {y}"))
    assert (sentence(error, Language.TH), remedy(error, Language.TH)) == ("ไม่พบ {x}", "รอ {y}")


def test_words_of_a_counterpart_are_never_read_as_a_template() -> None:
    said = refusal_text("receipts-due", "RECEIPTS_DUE", "{sentence} {0} {text.__class__}", Language.TH)
    assert said.endswith("(โหนดของเขาแจ้งว่า: {sentence} {0} {text.__class__})")
    assert refusal_text("x", "y", "{text}", Language.TH) == "{text}"
    assert refusal_text("receipts-due", "RECEIPTS_DUE", "{0}", Language.EN) == "{0}"


@table(
    ("header", "language"),
    [
        ("", "en"), ("th", "th"), ("th-TH, en;q=0.5", "th"), ("en, th", "en"), ("en;q=0.3, lo;q=0.4", "lo"),
        ("fr, de;q=0.9", "en"), ("zh-Hans-CN", "zh"), ("VI", "vi"), ("*", "en"), ("km;q=0", "en"),
        ("*;q=0.1, my", "my"),
        ("th;q=2, lo;q=0.1", "lo"), ("th;q=, lo", "lo"), (";;,,", "en"), ("th ; q=0.2 , my;q=1.000", "my"),
        (", ".join(["fr"] * 40 + ["th"]), "en"), ("th\u0e01", "en"),
    ],
)  # fmt: skip
def test_the_language_that_weighs_most_is_taken(header: str, language: str) -> None:
    assert accepted(header) == language


def test_days_are_written_as_the_language_does() -> None:
    assert [day(date(2026, 11, 7), language) for language in Language] == [
        "7 November 2026",
        "7 พฤศจิกายน พ.ศ. 2569 (ค.ศ. 2026)",
        "7 ພະຈິກ 2026",
        "7 វិច្ឆិកា 2026",
        "2026 နိုဝင်ဘာ 7",
        "7 tháng 11, 2026",
        "2026年11月7日",
    ]
    assert moment("2026-11-07T09:00:00Z", Language.VI) == "7 tháng 11, 2026 09:00:00 UTC"
    assert moment("2026-11-07T09:00:00Z", Language.EN) == "2026-11-07T09:00:00Z"
    assert moment("long ago", Language.VI) == "long ago"


def test_a_language_is_reviewed_where_its_catalogue_says_so() -> None:
    assert [language for language in Language if is_reviewed(language)] == [
        language for language in Language if language is Language.EN or words.reviewed(language)
    ]


def test_the_table_of_countries_names_codes_of_both_lengths() -> None:
    assert country("KHM", Language.EN) == country("kh", Language.EN) == "Cambodia"
    assert with_country("vn", Language.VI) == "Việt Nam (vn)"
    assert with_country("mm", Language.EN) == "Myanmar (mm)"
    assert with_country("UNO", Language.EN) == "UNO"
    assert all(country(code, language) for code in ("th", "la", "kh", "mm", "vn", "cn") for language in Language)
