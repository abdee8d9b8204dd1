"""Show an alert before it is sent, as each receiver will read it: the same record, in their officers' language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.clock import rfc3339_s
from gateway.console.frame.shapes import Banner, Hidden, Row, Tone
from gateway.console.pages.alerts.filling import Sent
from gateway.console.pages.alerts.places import office_name
from gateway.console.pages.alerts.told import action_tone, action_words, alert_rows, hidden_time, warnings
from gateway.console.uploads.attached import file_row
from gateway.console.visits.visit import Visit
from gateway.desk.alerts.values import OwnAlert, Preview
from gateway.language.catalogue import tell
from gateway.language.countries import language_of_country, with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.search.lines import marking_text


@dataclass(frozen=True, slots=True)
class ReadingView:
    """The alert as one receiver reads it: `head` is in the author's language, the rest in `language`."""

    head: str
    language: str
    action: str
    tone: Tone
    first: Sequence[str]
    until: str
    rows: Sequence[Row]
    obey: str


@dataclass(frozen=True, slots=True)
class PreviewView:
    """The alert in the author's own language, then as each receiver reads it."""

    banners: Sequence[Banner]
    own: ReadingView
    readings: Sequence[ReadingView]
    hidden: Sequence[Hidden]
    to_life: bool


def preview_view(preview: Preview, sent: Sent, once: str, visit: Visit) -> PreviewView:
    """Return what an officer reads before an alert is handed in."""
    alert, language = preview.alert, visit.language
    return PreviewView(
        banners=_banners(alert, language),
        own=_reading(tell(language, "In your language"), alert, alert.fields, {}, language),
        readings=[
            _reading(
                _receiver(reader.member, reader.offices, language),
                alert,
                reader.fields,
                reader.marking,
                language_of_country(reader.member),
            )
            for reader in preview.readers
        ],
        hidden=[*sent.hidden, Hidden("once", once)],
        to_life=alert.to_life,
    )


def _receiver(member: str, offices: Sequence[str], language: Language) -> str:
    name = with_country(member, language)
    places = ", ".join(map(office_name, offices)) or tell(language, "all offices")
    return tell(language, "As {country} reads it: {offices}", country=name, offices=places)


def _reading(
    head: str, alert: OwnAlert, fields: Mapping[str, Any], marking: Mapping[str, Any], language: Language
) -> ReadingView:
    until = moment(rfc3339_s(alert.until_us), language)
    files = (file_row(alert.attachments, language),) if alert.attachments else ()
    return ReadingView(
        head=head,
        language=language.value,
        action=action_words(alert.action, language),
        tone=action_tone(alert.action),
        first=warnings(fields, marking, language),
        until=tell(language, "holds until {time}", time=until),
        rows=(*alert_rows(fields, language), *files),
        obey=marking_text(dict(marking), language),
    )


def _banners(alert: OwnAlert, language: Language) -> tuple[Banner, ...]:
    if alert.to_life:
        line = tell(language, "Another person must approve it within an hour, or it is taken back.")
        return (Banner(tell(language, "It goes out at once, since a life is in danger"), (line,), "danger"),)
    approval = tell(language, "Another person must approve it before it goes out")
    if alert.is_hidden(alert.raised_us):
        time = hidden_time(alert, language)
        return (Banner(approval, (tell(language, "It is kept at home until {time}, and is sent then", time=time),)),)
    return (Banner(approval),)
