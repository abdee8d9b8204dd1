"""Fill the form of a notice with the facts of an alert; nothing is added that the alert does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bridges.report import moment_us
from bridges.wording import flat, title
from gateway.clock import rfc3339_s
from gateway.errors import Forbidden, Malformed, Misused
from gateway.language.countries import country
from gateway.language.languages import Language

_FOLDER = Path(__file__).parent
_PAINT = {"red": "#c00", "blue": "#06c", "yellow": "#e6b800", "green": "#080", "orange": "#e67300", "black": "#000"}
_DO_NOT = {
    "DO_NOT_ALERT_SUBJECT": "Do not let the person know that somebody asks for them.",
    "DO_NOT_DETAIN": "Do not detain the person.",
}
_STANDS = frozenset({"waiting", "on"})


class Part(msgspec.Struct, frozen=True):
    """A part of a form: its title, and labels with what the alert says."""

    title: str
    rows: Sequence[tuple[str, str]]


class Form(msgspec.Struct, frozen=True):
    """A filled form."""

    title: str
    asks: str
    country: str
    reference: str
    paint: str
    printed: str
    warnings: Sequence[str]
    parts: Sequence[Part]


def fill(alert: Mapping[str, Any], member: str, colour: str, now_us: int) -> Form:
    """Return the form of an alert. Without a `colour` it is that of the alert's notice, or of its class.

    Raises `Forbidden` for an alert that has ended or is hidden, and `Misused` for one that lacks what the form needs.
    """
    try:
        _check(alert, now_us)
        facts = _facts(alert)
        notices = _notices()
        chosen = colour or _colour(alert["fields"], notices)
        kind = notices["colours"][chosen]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed("the alert has another form", code="bad-alert", where="/v1/alerts") from error
    lacking = [name for name in kind["needs"] if not (facts["names.main"] if name == "person" else facts[_NEED[name]])]
    if lacking:
        raise Misused(
            "a {colour} form needs what this alert does not say: {lacking}",
            code="form-lacks",
            remedy="take another --colour, or renew the alert with it",
            colour=chosen,
            lacking=", ".join(lacking),
        )
    return Form(
        title=kind["title"],
        asks=kind["asks"],
        country=country(member, Language.EN) or member,
        reference=facts["id"],
        paint=_PAINT.get(chosen, "#666"),
        printed=rfc3339_s(now_us),
        warnings=[_DO_NOT[code] for code in alert["fields"].get("do_not", []) if code in _DO_NOT],
        parts=[_part(notices["parts"][name], facts) for name in kind["parts"]],
    )


_NEED = {"decision_ref": "decision_ref", "object": "objects"}


def colours() -> list[str]:
    """Return the colours that there are forms for."""
    return list(_notices()["colours"])


def page(form: Form) -> str:
    """Return a filled form as a page of HTML that can be printed: it loads nothing and runs nothing."""
    loader = FileSystemLoader(_FOLDER)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("form.html.jinja").render(form=form)


@cache
def _notices() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "notices.toml").read_text(encoding="utf-8"))


def _check(alert: Mapping[str, Any], now_us: int) -> None:
    if alert["stand"] not in _STANDS:
        raise Forbidden("the alert has ended", code="alert-ended", where=str(alert["id"])[:64])
    if alert.get("hidden_until") and moment_us(alert["hidden_until"]) > now_us:
        raise Forbidden("the alert is hidden for an operation", code="alert-hidden", where=str(alert["id"])[:64])


def _colour(fields: Mapping[str, Any], notices: Mapping[str, Any]) -> str:
    words = str(fields.get("notice_ref") or "").lower().split()
    named = [word for word in words if word in notices["colours"]]
    return str(named[0] if named else notices["classes"][fields["alert_class"]])


def _part(part: Mapping[str, Any], facts: Mapping[str, str]) -> Part:
    return Part(part["title"], [(row["label"], facts[row["from"]] if "from" in row else "") for row in part["fields"]])


def _facts(alert: Mapping[str, Any]) -> dict[str, str]:
    fields = alert["fields"]
    names = [name for name in fields.get("names") or [] if isinstance(name, Mapping)]
    main = [name for name in names if name.get("name_type", "PRIMARY") == "PRIMARY"] or names[:1]
    texts = {name: fields.get(name) for name in ("reason", "action", "decision_ref", "contact", "notice_ref")}
    offence = str(alert.get("offence") or fields.get("offence") or "")
    return {name: flat(str(value or "")) for name, value in texts.items()} | {
        "id": flat(str(alert["id"])),
        "names.main": _lines(name.get("text") for name in main),
        "names.romanised": _lines(name.get("romanised") for name in main),
        "names.other": _lines(name.get("text") for name in names if name not in main),
        "birth": _date(fields.get("birth")),
        "identifiers": _lines(_document(one) for one in fields.get("identifiers") or []),
        "objects": _lines(_thing(one) for one in fields.get("objects") or []),
        "offence": title(offence) if offence else "",
        "case": flat(str(alert.get("case") or "")),
        "scope": _lines(fields.get("geo_scope") or []),
        "until": str(alert["until"])[:16].replace("T", " ") + " UTC",
    }


def _date(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    return flat(str(value.get("value") or value.get("original") or "")) + (
        " (estimated)" if value.get("estimated") else ""
    )


def _document(value: Mapping[str, Any]) -> str:
    kinds = (value.get(name) for name in ("doc_code", "scheme", "issuer"))
    return f"{value['number']} ({', '.join(str(kind) for kind in kinds if kind)})"


def _thing(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {text}" for name, text in value.items() if text not in (None, ""))
    return str(value)


def _lines(values: Iterator[Any] | Sequence[Any]) -> str:
    return "\n".join(flat(str(value)) for value in values if value)
