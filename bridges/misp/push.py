"""Push reports to a MISP instance, one event each, and take back what ended."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from bridges.answers import read_answer
from bridges.leaving import Audience
from bridges.misp.events import Event, changed, ended, event_id, event_of, is_ended, is_same, own_tags
from bridges.report import Report
from gateway.errors import Malformed, Misconfigured, Misused, Refused, Unavailable

_MOST_ANSWER = 8 * 1024 * 1024
_TIMEOUT_S = 30.0


class Misp:
    """A MISP instance, called over HTTPS with the key of a user of its own."""

    def __init__(self, url: str, key: str, ca: Path | None) -> None:
        if not url.startswith("https://"):
            raise Misused("a MISP instance is called by https alone", where="--misp")
        self._url = url.rstrip("/")
        self._client = httpx2.Client(
            base_url=self._url + "/",
            verify=_context(ca),
            timeout=_TIMEOUT_S,
            trust_env=False,
            headers={"authorization": key, "accept": "application/json"},
        )

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def find(self, name: str) -> Event | None:
        """Return the stored event with this UUID; None where there is none."""
        value = self._call("GET", f"events/view/{name}", is_looking=True)
        if value is None:
            return None
        event = value.get("Event")
        if not isinstance(event, dict) or str(event.get("uuid", "")).lower() != name:
            raise _strange(self._url)
        lists = (event.get("Attribute", []), event.get("Tag", []))
        if not all(isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in lists):
            raise _strange(self._url)
        return event

    def add(self, event: Event) -> None:
        """Add an event."""
        self._call("POST", "events/add", {"Event": event})

    def change(self, event: Event, stored: Event) -> None:
        """Change a stored event, and take away the tags of ours that it no longer has."""
        self._call("POST", f"events/edit/{event['uuid']}", {"Event": event})
        for name in set(own_tags(stored)) - {tag["name"] for tag in event["Tag"]}:
            self._call("POST", "tags/removeTagFromObject", {"uuid": event["uuid"], "tag": name})

    def publish(self, name: str) -> None:
        """Publish an event: the instance gives it to those with which it is synchronised."""
        self._call("POST", f"events/publish/{name}", {})

    def _call(self, method: str, path: str, body: Any = None, *, is_looking: bool = False) -> Any:
        try:
            answer = read_answer(self._client, method, path, _MOST_ANSWER, self._url, json=body)
        except httpx2.HTTPError as error:
            raise Unavailable(
                "the MISP instance does not answer ({problem})",
                code="misp-down",
                where=self._url,
                remedy="it is tried again at the next push",
                problem=type(error).__name__,
            ) from error
        if is_looking and answer.status == 404:
            return None
        if not answer.is_success:
            raise Refused(
                "the MISP instance refused with {status}",
                code="misp-refused",
                where=path,
                remedy="its user needs the right to add, change, tag and publish events",
                status=answer.status,
            )
        try:
            value = msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _strange(self._url) from error
        if not isinstance(value, dict):
            raise _strange(self._url)
        return value


def push(misp: Misp, report: Report, audience: Audience, now_us: int, *, is_published: bool) -> str:
    """Bring the event of a report to what it should say now. Return what was done: `same`, `none`, or the change."""
    name, handling = event_id(report), report.shown_to(audience, now_us)
    stored = misp.find(name)
    if handling is None:
        if stored is None:
            return "none"
        if is_ended(stored, report):
            return "same"
        misp.change(ended(stored, report, now_us), stored)
        done = "withdrawn"
    elif stored is None:
        misp.add(event_of(report, handling))
        done = "added"
    elif is_same(stored, wanted := event_of(report, handling), report):
        return "same"
    else:
        misp.change(changed(stored, wanted, report, now_us), stored)
        done = "changed"
    if is_published or (done == "withdrawn" and stored is not None and stored.get("published") is True):
        misp.publish(name)
    return done


def read_key(file: Path) -> str:
    """Return the key of the instance's user. Raises `Misconfigured` where the file has none."""
    try:
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("the key of the MISP user cannot be read", code="no-key", where=str(file)) from error
    if not key.isalnum():
        raise Misconfigured("this is no key of a MISP user", code="no-key", where=str(file))
    return key


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured("the authority cannot be used", code="bad-certificate", where=str(ca)) from error


def _strange(url: str) -> Malformed:
    return Malformed("the MISP instance's answer has another form", code="bad-answer", where=url)
