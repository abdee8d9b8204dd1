"""Explain the rules of a match in words."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language

RULES: Sentences = {
    "name-exact": "the name is the same",
    "name-same-script": "the name is the same in its own script",
    "name-same-sound": "the name sounds the same",
    "name-romanised": "the names are in different scripts and were compared by their sound in Latin letters",
    "name-spelled": "the letters of one script are a usual way to spell the other",
    "name-syllables": "the names share some of their syllables in pinyin",
    "name-similar": "the name is similar, not the same",
    "name-joined": "the name is similar when its words are written together",
    "name-part": "one of the names has more words than the other",
    "name-one-word": "one of the names has one word only, which is a word of the other",
    "name-order": "the words of the name are in another order",
    "name-other-characters": "the names sound alike, but are written with other characters of the same script",
    "name-other-diacritics": "the names differ in their diacritics",
    "name-clan": "the surname may be the same Chinese surname, spelled as in the south or abroad",
    "name-kind": "a word that may be the kind of a place, and may as well be a name, was left out",
    "name-seat": "the place may be listed under the name of its seat, or the seat under that of its district",
    "birth-same-day": "the birth date is the same",
    "birth-same-year": "the birth dates agree as far as both are known",
    "birth-placeholder": "the birth year is the same; 1 January may stand for an unknown day",
    "birth-day-month-swapped": "the birth date is the same with day and month exchanged",
    "birth-one-digit": "the birth date differs by one digit",
    "birth-near-year": "the birth date is near, not the same",
    "birth-missing": "the record has no birth date",
    "birth-not-asked": "the question has no birth date",
    "birth-conflict": "the birth dates contradict each other",
    "sex-conflict": "the sex differs",
    "nationality-differs": "the nationality differs",
    "father-differs": "the father's name differs",
    "document-number": "the document number is the same",
    "document-issuer": "the issuer of the document is the same",
    "national-id": "the national identity number is the same",
    "national-id-scheme": "the scheme of the identity number is the same",
    "plate": "the plate is the same",
    "plate-province": "the province of the plate is the same",
    "container-number": "the container number is the same",
    "phone-number": "the telephone number is the same",
    "phone-country": "the calling code is the same",
    "vessel-number": "a number of the vessel is the same",
    "vessel-flag": "the flag of the vessel is the same",
    "case-number": "the case number is the same",
    "report-words": "the report has all the words of the question",
    "report-offence": "the report is about this offence",
    "report-place": "the route of the report has this place",
    "report-crossing": "the route of the report has this crossing point",
    "report-period": "the report is of this period",
    "record-does-not-fit": "the record that came with it does not fit the question",
    "record-not-verified": "the record that came with it does not verify, so it is not shown",
    "record-owner-unheard": "our database was restored, and the record's owner has not told us yet what changed since: "
    "it is not shown",
    "record-withdrawn": "the record's owner has withdrawn or changed it, so it is not shown any more: ask again",
    "unreleased-agency-key-removed": "the key of the owner's agency was removed, so that it signs no record: a human "
    "there decides",
    "unreleased-agreement-expired": "the agreement is not in force at this time",
    "unreleased-agreement-unknown": "the agreement that was cited is not known there",
    "unreleased-case-missing": "the owner releases this record for a case only: give the number of the case",
    "unreleased-needs-assurance": "the offence may carry the death penalty, and the owner knows of no assurance that "
    "it is not sought: a human there decides",
    "unreleased-needs-court": "the owner releases this record by order of a court only: a human there says what it "
    "takes",
    "unreleased-needs-human": "a human of the owner decides on this record, and may release it",
    "unreleased-no-field": "the owner's policy releases no field of this record for this question",
    "unreleased-not-a-party": "the agreement that was cited does not name the agency that owns this record; another "
    "one may",
    "unreleased-offence-not-covered": "the owner does not release this record for this offence",
    "unreleased-own-agency": "read it in the system of our own agency",
    "unreleased-policy-denies": "the owner's policy does not release this record by itself: a human there decides",
    "unreleased-purpose-not-covered": "the owner does not release this record for this purpose",
    "unreleased-query-not-covered": "the owner does not release this record for questions of this kind",
    "unreleased-record-not-covered": "the agreement that was cited does not cover records of this kind; another one "
    "may",
    "unreleased-role-not-allowed": "the owner does not release this record to an officer with this role",
    "unreleased-watch": "a watch has met this record, which may be released: ask for it",
    "goods-container": "the container is one of the declaration's",
    "goods-heading": "a line of the declaration has this tariff heading",
    "goods-consignee": "the consignee of the declaration has this name",
    "goods-route": "the route of the declaration goes by this place",
}
"""Every rule word that a match or a hit without a record can carry, with its English sentence."""


def explain(rules: Sequence[str], language: Language = Language.EN) -> list[str]:
    """Return the sentence of each rule, in order; an unknown rule word stays as it is."""
    return [tell(language, RULES[rule]) if rule in RULES else rule for rule in rules]
