"""Reports as a node hands them out, read into a closed form: what is not named here does not leave."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bridges.leaving import REPORT, Audience, Label, check_type, reach_of, uses_of
from bridges.wording import flat, title
from gateway.errors import Forbidden, Malformed

NAMESPACE = uuid.UUID("6f1f3a0e-57d1-4bd3-9b53-2f0d4f5f7a61")
"""The namespace of our identifiers (UUID version 5): the same report has the same one at each bridge."""

_PLACE = ("name", "crossing", "unlocode", "country")
_MOST_TEXT = 20_000
_MOST_ITEMS = 64


class Handling(msgspec.Struct, frozen=True):
    """The limits of a report: its readers, their use of it, and the time until which (microseconds since 1970)."""

    label: Label
    widest: Audience
    uses: tuple[str, ...]
    until_us: int


class Report(msgspec.Struct, frozen=True):
    """A report in one version. Times are microseconds since 1970.

    `added_us` is when this version came to the node, `first_us` when the first one did, `ended_us` when it was taken
    back (0: it stands). `handling` is None where its marking keeps it at home, and `kept_back` then says why.
    """

    id: str
    member: str
    version: int
    first_us: int
    added_us: int
    ended_us: int
    handling: Handling | None
    kept_back: str
    offence: str
    texts: Mapping[str, str]
    indicators: tuple[str, ...]
    route: tuple[Mapping[str, str], ...]

    def shown_to(self, audience: Audience, now_us: int) -> Handling | None:
        """Return the marking under which an audience reads this report now; None where it may not, or no longer."""
        handling = self.handling
        stands = handling is not None and not self.ended_us and now_us < handling.until_us
        return handling if stands and handling is not None and audience <= handling.widest else None

    def ended(self, at_us: int) -> Report:
        """Return what is left of this report when it has ended: its identity and its marking."""
        empty = dict.fromkeys(self.texts, "")
        return msgspec.structs.replace(
            self, ended_us=max(at_us, self.added_us), offence="", texts=empty, indicators=(), route=()
        )

    def after(self, known: Report | None) -> Report:
        """Return this version with what an earlier one said: a withdrawn report has no marking of its own."""
        if known is None:
            return self
        handling = known.handling if self.ended_us and self.handling is None else self.handling
        return msgspec.structs.replace(self, first_us=min(known.first_us, self.first_us), handling=handling)

    def paragraphs(self) -> Iterator[tuple[str, str]]:
        """Yield the parts of the report that have words, under their names."""
        texts = self.texts
        parts = {
            "Method": texts["method"],
            "Concealment": texts["concealment"],
            "Route": " - ".join(", ".join(place.values()) for place in self.route),
            "Indicators": "; ".join(self.indicators),
            "Price": texts["price"],
            "Period": texts["period"],
        }
        yield from ((name, text) for name, text in parts.items() if text)

    @property
    def title(self) -> str:
        """The name of the report."""
        period = self.texts["period"]
        return f"{title(self.offence)}: modus operandi" + (f", {period[:80]}" if period else "")


def read_report(item: Any, member: str) -> Report:
    """Return the report that is in an item of the list of `member`'s own node.

    Raises `Malformed` for another form, and `Unsupported` for a type that does not leave.
    """
    try:
        check_type(item.get("type", REPORT), frozenset({REPORT}))
        return _report(item, member)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed("the report has another form", code="bad-report", where="/v1/reports") from error


def _report(item: Mapping[str, Any], member: str) -> Report:
    fields = item.get("fields") or {}
    added, owner = moment_us(item["added"]), str(item["owner"])
    handling, kept_back = _handling(item, is_own=owner == member)
    if fields and fields.get("no_personal_data") is not True:
        handling, kept_back = None, "its author did not say that it names no person"
    return Report(
        id=_identifier(item["id"]),
        member=_identifier(owner),
        version=int(item["version"]),
        first_us=moment_us(item["first_added"]) if item.get("first_added") else added,
        added_us=added,
        ended_us=moment_us(item["withdrawn"]) if item.get("withdrawn") else 0,
        handling=handling,
        kept_back=kept_back,
        offence=_text(fields.get("offence")),
        texts={name: _text(fields.get(name)) for name in ("method", "concealment", "price", "period")},
        indicators=tuple(text for one in _list(fields.get("indicators")) if (text := _text(one))),
        route=tuple(place for one in _list(fields.get("route")) if (place := _place(one))),
    )


def _handling(item: Mapping[str, Any], *, is_own: bool) -> tuple[Handling | None, str]:
    marking = item.get("marking")
    if not isinstance(marking, Mapping):
        return None, "it has no marking"
    try:
        label, widest = reach_of(marking, str(item.get("tlp") or ""), is_own=is_own)
        uses = uses_of(marking)
    except Forbidden as error:
        return None, str(error)
    until = item.get("not_after") or marking.get("not_after")
    return (Handling(label, widest, uses, moment_us(until)), "") if until else (None, "its marking names no end")


def moment_us(text: object) -> int:
    """Return a moment of RFC 3339 in microseconds since 1970. Raises `ValueError` for another text."""
    if not isinstance(text, str) or not 20 <= len(text) <= 40:
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    try:
        whole = moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:  # its zone puts it outside the calendar
        raise ValueError(text) from None
    return int(whole.timestamp()) * 1_000_000 + moment.microsecond


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 64 or not value.isascii() or not value.isprintable():
        raise ValueError(value)
    return value


def _place(value: object) -> Mapping[str, str]:
    if isinstance(value, Mapping):
        return {name: text for name in _PLACE if (text := _text(value.get(name)))}
    return {"name": text} if (text := _text(value)) else {}


def _text(value: object) -> str:
    return flat(value[:_MOST_TEXT]) if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    return value[:_MOST_ITEMS] if isinstance(value, list) else []
