"""Name the fields of records in the reader's language, tell their values in words, and tell a search as JSON.

JSON has one line for each counterpart. What is silent, partial or not searched is never `no_hit`. Codes are the same
for every reader; `text` and `sentence` are in the reader's language. The REST API and the console show the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.clock import rfc3339
from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.language.sentences import refusal_text
from gateway.matching.explain import explain
from gateway.model.exchange import Outcome, Refusal
from gateway.model.faces.told import told
from gateway.model.hit import OWN_AGENCY
from gateway.model.search import Line, Search, ShownHit, ShownRecord
from gateway.records.types import RECORD_TYPES
from gateway.views.search.lines import value_text

FIELDS: Sentences = {
    "accounts": "accounts",
    "action": "action",
    "addresses": "addresses",
    "alert_class": "what to do",
    "at": "time",
    "birth": "born",
    "birth_place": "place of birth",
    "call_sign": "call sign",
    "case_number": "case number",
    "chip_read": "reading of the chip",
    "colour": "colour",
    "concealment": "place of concealment",
    "consignee": "consignee",
    "consignor": "consignor",
    "contact": "contact",
    "contact_role": "role of the contact",
    "containers": "containers",
    "country": "country",
    "crossing_point": "crossing point",
    "date": "date",
    "decision": "decision",
    "decision_ref": "reference of the decision",
    "declarant": "declarant",
    "declaration": "declaration",
    "declared_lines": "declared goods",
    "detected_by": "detected by",
    "direction": "direction",
    "do_not": "must not be done",
    "doc_code": "type of document",
    "document": "document",
    "documents": "documents",
    "ethnicity": "ethnicity",
    "expires": "valid until",
    "father_name": "father's name",
    "flag": "flag",
    "flags": "flags",
    "geo_scope": "where it holds",
    "goods": "goods",
    "hidden_until": "hidden until",
    "holder_name": "holder",
    "honorific": "form of address",
    "hull_marks": "marks of the hull",
    "identifiers": "identifiers",
    "imo": "IMO number",
    "indicators": "indicators",
    "issued": "issued on",
    "issuer": "issued by",
    "kind": "kind",
    "last_crossing": "last crossing",
    "length_m": "length in metres",
    "lines": "lines",
    "local_reg": "local registration",
    "make": "make",
    "marks": "marks",
    "method": "method",
    "misused_identity": "identity is misused",
    "mmsi": "MMSI number",
    "mode": "mode of transport",
    "model": "model",
    "mother_name": "mother's name",
    "mrz_check": "check of the zone",
    "name": "name",
    "name_parts": "parts of the name",
    "names": "names",
    "national_ids": "national numbers",
    "nationalities": "nationalities",
    "nationality": "nationality",
    "no_personal_data": "without personal data",
    "notice_ref": "reference of the notice",
    "number": "number",
    "objects": "things",
    "offence": "offence",
    "office": "office",
    "packages": "packages",
    "period": "period",
    "permits": "permits",
    "person_name": "name of the person",
    "persons": "persons",
    "phones": "telephone numbers",
    "photo_ref": "photograph",
    "pictures": "pictures",
    "place": "place",
    "plate": "plate",
    "price": "price",
    "procedure": "procedure",
    "province": "province",
    "quantity": "quantity",
    "reason": "reason",
    "reference": "reference",
    "references": "references",
    "refusal_code": "code of the refusal",
    "reported": "reported on",
    "risk": "risk",
    "route": "route",
    "seen_at": "seen at",
    "sex": "sex",
    "sponsor": "sponsor",
    "status": "status",
    "status_since": "status since",
    "transport": "transport",
    "type": "type",
    "unit": "unit",
    "valid_from": "valid from",
    "valid_to": "valid until",
    "vehicle": "vehicle",
    "vehicles": "vehicles",
    "vin": "chassis number",
    "visible_from": "visible from",
    "warnings": "warnings",
    "year": "year",
}
"""The fields of all types of records."""


def field_name(name: str, language: Language) -> str:
    """Return the name of a field in words; one that has none as it is."""
    return tell(language, FIELDS[name]) if name in FIELDS else name.replace("_", " ")


def told_fields(
    fields: Mapping[str, Any], record_type: str, language: Language
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the fields of a record in the order of its type."""
    order = list(RECORD_TYPES[record_type].fields) if record_type in RECORD_TYPES else list(fields)
    known = [name for name in order if name in fields]
    return [(name, field_name(name, language), _values(fields[name], name, language)) for name in known]


def _values(value: Any, name: str, language: Language) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else [value]
    return tuple(value_text(part, language, name) for part in parts)


# ------------------------------------------------------------ a search as JSON


def search_value(search: Search, language: Language = Language.EN) -> dict[str, Any]:
    """Return a search as JSON shows it."""
    return {
        **told(search, leave=("lines", "failed")),
        "lines": [_line(search.id, line, language) for line in search.lines],
        "problem": _refusal(search.failed, language) if search.failed else None,
    }


def _line(search_id: str, line: Line, language: Language) -> dict[str, Any]:
    return {
        **told(line, leave=("searched", "hits", "entry_index", "log")),
        "partial": bool(line.missing) and line.outcome not in (Outcome.NOT_SEARCHED, Outcome.SUSPENDED),
        "searched": [
            {"kind": one.kind, "as_of": rfc3339(one.as_of_us) if one.as_of_us else None} for one in line.searched
        ],
        "hits": [_hit(hit, _follow_up(search_id, line, at), language) for at, hit in enumerate(line.hits)],
        "refusal": _refusal(line.refusal, language) if line.refusal else None,
        "last_seen": rfc3339(line.last_seen_us) if line.last_seen_us else None,
        "silent_since": rfc3339(line.silent_since_us) if line.silent_since_us else None,
        "entry": line.entry_index,
    }


def _refusal(refusal: Refusal, language: Language) -> dict[str, Any]:
    text = refusal_text(refusal.code, refusal.reason, refusal.text, language)
    return {"reason": refusal.reason, "code": refusal.code, "text": text}


def _follow_up(search_id: str, line: Line, at: int) -> str:
    """Return the command that asks the owner of a hit for more; none for a hit of our own agencies or desk."""
    if OWN_AGENCY in line.hits[at].rules or not line.exchange_id:
        return ""
    return f"liaison followup --search {search_id} --from {line.member} --hit {at}"


def _hit(hit: ShownHit, follow_up: str, language: Language) -> dict[str, Any]:
    sentences = explain(hit.rules, language)
    return {
        **told(hit, leave=("record",)),
        "rules": [{"word": word, "sentence": text} for word, text in zip(hit.rules, sentences, strict=True)],
        "record": _record(hit.record) if hit.record else None,
        "next": follow_up,
    }


def _record(record: ShownRecord) -> dict[str, Any]:
    return {
        "owner": record.owner,
        "signed_by": "own" if record.own_key else "held-by-node",
        "fields": record.fields,
        "marking": record.marking,
        "undisclosed": record.undisclosed,
        "sd_jwt": record.compact,
    }
