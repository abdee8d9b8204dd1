"""Name the codes of closed lists in words, as an officer meets them beside a record or in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language

PURPOSES: Sentences = {
    "BORDER_CHECK": "border check",
    "INVESTIGATION": "investigation",
    "PREVENTION": "prevention",
    "THREAT_TO_LIFE": "threat to life",
    "VICTIM_PROTECTION": "victim protection",
    "MISSING_PERSON": "missing person",
    "CUSTOMS_CONTROL": "customs control",
    "MLA_PREPARATION": "mla preparation",
    "AUDIT": "audit",
    "STATISTICS": "statistics",
    "TRAINING": "training",
    "DECONFLICTION": "keeping out of each other's way",
}

OFFENCES: Sentences = {
    "TIP": "trafficking in persons",
    "SOM": "smuggling of migrants",
    "NARC": "narcotic drugs",
    "PREC": "drug precursors",
    "WILD": "wildlife crime",
    "TIMBER": "illegal timber",
    "COUNTERFEIT": "counterfeit goods",
    "MEDICINE": "falsified medicine",
    "EWASTE": "electronic waste",
    "ODS": "ozone-depleting substances",
    "ARMS": "arms trafficking",
    "SCAM": "online scam",
    "MONEY": "money laundering",
    "TERROR": "terrorism",
    "DOCFRAUD": "document fraud",
    "OTHER": "another offence",
}

ROLES: Sentences = {
    "officer": "officer",
    "investigator": "investigator",
    "desk-officer": "officer of a desk",
    "supervisor": "supervisor",
    "auditor": "auditor",
    "administrator": "administrator",
}
"""Roles on which policy decides; a country may have others."""

QUERIES: Sentences = {
    "person": "person",
    "document": "document",
    "national_id": "national id",
    "vehicle": "vehicle",
    "container": "container",
    "case_reference": "case",
    "vessel": "vessel",
    "report": "reports on methods and routes",
    "phone": "telephone number",
}

SUBJECTS: Sentences = {
    "person": "a person",
    "document": "a travel document",
    "national_id": "an identity number",
    "vehicle": "a vehicle",
    "container": "a container",
    "case_reference": "case",
    "vessel": "a boat or ship",
    "report": "reports on methods and routes",
    "phone": "a telephone number",
}
"""Names what a question of each kind is about, for those who choose between them."""

TITLES: Mapping[str, str] = {
    "person": "A person by name, and birth date or year.",
    "document": "A travel document by its number and issuer.",
    "national_id": "A national identity number.",
    "vehicle": "A vehicle by its plate.",
    "container": "A freight container by its number.",
    "case_reference": "A case by its number: which desk to ask, and nothing of the case.",
    "vessel": "A vessel by its name or a number of it; each that fits is enough.",
    "report": "Reports on methods and routes that the other country has published; all that is given must fit.",
    "phone": "A telephone number, with its calling code or as it is dialled in its country.",
}
"""Says what each kind of question asks for, in the help of commands, which is English."""

RECORD_TYPES: Sentences = {
    "Person": "person",
    "TravelDocument": "travel document",
    "Vehicle": "vehicle",
    "Consignment": "consignment",
    "Seizure": "seizure",
    "BorderCrossing": "border crossing",
    "Vessel": "vessel",
    "VisaResidence": "visa or residence permit",
    "Alert": "alert",
    "CaseReference": "reference to a case",
    "ModusOperandiReport": "report on a modus operandi",
}

ACTIONS: Sentences = {
    "ARREST": "arrest",
    "LOCATE": "find out where the person is",
    "MISSING_ADULT": "missing adult",
    "MISSING_CHILD": "missing child",
    "VULNERABLE": "vulnerable person in need of protection",
    "DISCREET_CHECK": "discreet check: the person must not notice",
    "INQUIRY_CHECK": "inquiry check: question the person",
    "SPECIFIC_CHECK": "specific check: search the person or thing",
    "SEIZE_OBJECT": "seize the object",
    "WARN_SAFETY": "warning: danger to officers",
    "UNKNOWN_WANTED": "unknown wanted person",
    "DO_NOT_ALERT_SUBJECT": "the person must not learn of it",
    "DO_NOT_DETAIN": "do not detain",
}
"""Classes of alerts, and what must not be done."""

ALERT_ANSWERS: Sentences = {
    "READ": "opened",
    "ACKNOWLEDGED": "acknowledged",
    "ACTING": "acting on it",
    "CANNOT": "cannot act on it",
    "NOT_EXECUTED": "not executed, for a legal reason",
}
"""The answers of a counterpart's duty officer to an alert, in words."""

NOT_EXECUTED: Sentences = {
    "no-legal-basis": "our law has no basis for this action",
    "no-offence-here": "it is no offence here",
    "court-order-needed": "our law needs a court's order first",
    "own-national": "the person is a national of ours",
    "immunity": "the person has immunity",
    "minor": "the person is a minor here",
    "statute-barred": "the time for prosecution is over here",
    "already-tried": "the person has been tried for it already",
    "protection": "the person is under protection here",
    "national-security": "it would endanger national security",
}
"""Why an alert is not carried out on a country's soil: the reasons in law."""

LIFT_REASONS: Sentences = {
    "found": "the person or thing was found",
    "no-longer-sought": "it is no longer sought",
    "wrong-data": "the alert was wrong",
    "wrong-subject": "it was about another person or thing",
    "decision-revoked": "the decision behind it was revoked",
    "operation-over": "the operation is over",
    "other": "it is taken back for another reason",
    "not-approved": "it was not approved in time",
}
"""Why an alert is taken back."""

REPORT_REASONS: Sentences = {
    "outdated": "it is not done like this any more",
    "mistaken": "the report was wrong",
    "person-told": "it tells who a person is",
    "source-at-risk": "it endangers its source",
    "court-order": "a court ordered it",
    "other": "it is taken back for another reason",
}
"""Why a report is taken back."""

CHANGE_REASONS: Sentences = {
    "source-error": "the record was wrong",
    "wrong-subject": "it was about another person or thing",
    "acquitted": "the person was acquitted, or the case was closed",
    "court-order": "a court ordered it",
    "person-objects": "the person contests it",
    "no-longer-needed": "it is no longer needed",
    "misuse": "what was given was misused",
}
"""Why an owner changes what was given."""

LEVELS: Sentences = {
    "OPEN": "open",
    "OFFICIAL": "official",
    "RESTRICTED": "restricted",
}

USES: Sentences = {
    "U0": "for law enforcement",
    "U1": "not as evidence without consent",
    "U2": "not onward without consent",
    "U3": "a lead only: contact the owner before any action",
}

CAVEATS: Sentences = {
    "SAFE": "safety of a victim or witness",
    "NOTIP": "the person must not learn of it",
    "JUV": "a minor",
    "NODET": "do not detain on this",
    "COURT": "a court's order is needed",
}
"""The caveats that a recipient sees."""

ONWARD: Sentences = {
    "NONE": "goes to no one else",
    "SAME_UNIT": "within the unit",
    "SAME_AGENCY": "within the agency",
    "SAME_COUNTRY": "within the country",
    "ASK": "with the owner's consent only",
}

MARKING_PARTS: Sentences = {
    "level": "level",
    "use": "use",
    "caveats": "caveats",
    "onward": "onward",
    "purposes": "purposes",
    "not_after": "not after",
    "evaluation": "evaluation",
    "delete_after_use": "delete after use",
}

STATUSES: Sentences = {
    "VALID": "valid",
    "LOST": "lost",
    "STOLEN": "stolen",
    "STOLEN_BLANK": "stolen before it was issued",
    "REVOKED": "revoked",
    "EXPIRED": "expired",
    "UNKNOWN": "unknown",
    "SOUGHT": "sought",
    "SEIZED": "seized",
    "EXPORT_BAN": "must not leave the country",
    "OPEN": "under investigation",
    "SUSPENDED": "suspended",
    "COURT": "before a court",
    "CLOSED": "closed",
    "WANTED": "wanted",
    "MISSING": "missing",
    "CONVICTED": "convicted",
    "SUSPECT": "suspect",
}
"""Statuses of documents, vehicles, vessels and cases, and the usual ones of persons."""

WARNINGS: Sentences = {
    "ARMED": "armed",
    "VIOLENT": "violent",
    "DANGEROUS": "dangerous",
}
"""The usual words of warnings, which are no closed list."""

STAYS: Sentences = {
    "OVERSTAY": "overstay",
    "DEPORTATION": "deportation",
    "ENTRY_BAN": "entry ban",
}

DECISIONS: Sentences = {
    "ADMIT": "admitted",
    "REFUSE": "entry refused",
    "SECONDARY": "second check",
}

RISKS: Sentences = {
    "GREEN": "low risk",
    "YELLOW": "medium risk",
    "RED": "high risk",
    "NOT_SHARED": "not shared",
}

MRZ_CHECKS: Sentences = {"FAIL": "the check digits do not fit"}

CHIP_CHECKS: Sentences = {"PA_FAIL": "the chip's signature does not verify"}

DIRECTIONS: Sentences = {"IN": "into the country", "OUT": "out of the country"}

WORDS_OF: Mapping[str, Sentences] = {
    "level": LEVELS,
    "use": USES,
    "caveats": CAVEATS,
    "onward": ONWARD,
    "purposes": PURPOSES,
    "offence": OFFENCES,
    "alert_class": ACTIONS,
    "do_not": ACTIONS,
    "status": STATUSES,
    "warnings": WARNINGS,
    "kind": STAYS,
    "decision": DECISIONS,
    "risk": RISKS,
    "mrz_check": MRZ_CHECKS,
    "chip_read": CHIP_CHECKS,
    "direction": DIRECTIONS,
}
"""The codes of each part of a marking or field of a record, with their meaning."""


def named(code: str, words: Mapping[str, str], language: Language) -> str:
    """Return a code with its meaning in `language`; a code that says the same in English has nothing beside it."""
    if code not in words:
        return code
    meaning = tell(language, words[code])
    return code if _squeezed(meaning) == _squeezed(code) else f"{meaning} ({code})"


def _squeezed(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalpha())
