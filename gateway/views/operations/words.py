"""Name how an operation and its members stand, in the reader's language."""

from __future__ import annotations

from typing import Any

from gateway.desk.forms.catalogue import FieldType, FormField, templates
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.desk.words import notice_words

STANDS: Sentences = {
    "invited": "you are invited",
    "waiting": "waits for approval",
    "on": "open",
    "sealed": "sealed: it is only read",
    "called-off": "called off",
    "left": "we have left it",
    "declined": "not approved",
    "lapsed": "not approved in time",
    "over": "its time is over, and it has sealed itself",
}

STANDINGS: Sentences = {"INVITED": "invited", "JOINED": "takes part", "LEFT": "has left"}

ROLES: Sentences = {"LEAD": "leads it", "PARTNER": "takes part", "OBSERVER": "only reads"}

MISSING: Sentences = {
    "suspended": "exchange is suspended",
    "removed": "it is no member of the federation any more",
    "no-agreement": "no agreement covers this purpose",
    "takes-no-rooms": "its node takes no operations",
    "refused": "it has refused the operation",
    "out-of-reach": "its node is out of reach",
    "no-word": "nothing has come from it",
}
"""Why entries of a member may be missing."""


def stand_words(stand: str, language: Language = Language.EN) -> str:
    """Return how an operation stands, in words."""
    return tell(language, STANDS[stand]) if stand in STANDS else stand


def part_words(part: dict[str, Any], language: Language = Language.EN) -> list[str]:
    """Return how the part of a member stands: its role, its standing, and what is missing of it since when."""
    said = [tell(language, words[part[name]]) for name, words in (("role", ROLES), ("standing", STANDINGS))]
    country = with_country(part["member"], language)
    if part["missing"]:
        since = moment(part["since"], language) if part["since"] else "?"
        missing = tell(language, "entries of {country} are missing since {time}", country=country, time=since)
        said.append(f"{missing}: {tell(language, MISSING[part['missing']])}")
    if part["lacks"]:
        lacks = tell(language, "{count} entries of {country} that the owner has are not here", count=part["lacks"],
                     country=country)  # fmt: skip
        said.append(lacks)
    return said


def owner_words(found: dict[str, Any], language: Language = Language.EN) -> str:
    """Return what it means that the owner of an operation is out of reach; an empty text where it is not."""
    if not found["owner_missing"]:
        return ""
    owner, end = with_country(found["owner"], language), moment(found["end"], language)
    return tell(
        language,
        "{country}, who owns it, is out of reach: nobody else can invite or seal, and it seals itself at {time}",
        country=owner,
        time=end,
    )


def invites_words(found: dict[str, Any], language: Language = Language.EN) -> str:
    """Return who asks that more members are invited, and which; an empty text where no person does."""
    if not found["invites"]:
        return ""
    countries = ", ".join(with_country(member, language) for member in found["invites"])
    return tell(language, "{person} asks that {countries} is invited", person=found["invites_by"], countries=countries)


def entry_words(entry: dict[str, Any], template: str, language: Language = Language.EN) -> list[str]:
    """Return what an entry says: its text, and the values of the template under their labels."""
    if entry["kind"] == "erased":
        return [tell(language, "its content is erased")]
    said = []
    if entry["outcome"]:
        amounts = result_words(entry, language)
        said.append(f"{notice_words('outcome', entry['outcome'], language)}{': ' if amounts else ''}{amounts}")
    said += [entry["text"]] if entry["text"] else []
    fields = {field.code: field for field in templates()[template].fields} if template in templates() else {}
    for code, value in entry["values"].items():
        field = fields.get(code)
        said.append(f"{field.label[language.value] if field else code}: {_value(field, value, language)}")
    if entry["late"]:
        said.append(tell(language, "written after the operation was sealed"))
    return said


def result_words(found: dict[str, Any], language: Language = Language.EN) -> str:
    """Return what was seized or how many persons, as an outcome or a sum of outcomes says it."""
    parts = [found["substance"]] if found["substance"] else []
    if found["grams"]:
        parts.append(tell(language, "{kilograms} kg", kilograms=f"{found['grams'] / 1000:g}"))
    if found["units"]:
        parts.append(tell(language, "{count} units", count=found["units"]))
    if found["persons"]:
        parts.append(tell(language, "{count} persons", count=found["persons"]))
    return ", ".join(parts)


def _value(field: FormField | None, value: str, language: Language) -> str:
    if field is None:
        return value
    if field.type is FieldType.CODE and value in field.codes:
        return field.codes[value][language.value]
    return with_country(value, language) if field.type is FieldType.COUNTRY else value
