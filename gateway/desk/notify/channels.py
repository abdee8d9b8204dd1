"""Channels to people: mail over the country's own relay, and a signed webhook for pagers and SMS gateways."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import httpx2

from gateway.clock import rfc3339
from gateway.config.load import host_port
from gateway.config.sections.desk import Notify
from gateway.desk.notify.words import Told
from gateway.errors import Misconfigured

_TIMEOUT_S = 10.0
_LEAST_SECRET = 32


class Channel(Protocol):
    """A way to tell a person; `send` blocks, and raises where the word was not taken."""

    @property
    def name(self) -> str:
        """The channel's name in entries and work."""

    def takes(self, told: Told) -> bool:
        """Tell whether this channel reaches the person."""

    def send(self, told: Told) -> None:
        """Send a word. Raises `OSError`, `smtplib.SMTPException` or `httpx2.HTTPError`."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail by SMTP with TLS. Its subject is its whole content."""

    settings: Notify
    ca: str
    login: tuple[str, str] | None
    name: str = "mail"

    def takes(self, told: Told) -> bool:
        """Tell whether the person's channel is a mail address."""
        return "@" in told.person.channel

    def send(self, told: Told) -> None:
        """Send a mail to one person."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.settings.sender, told.person.channel, told.text
        message["Message-ID"] = f"<{hashlib.sha256(f'{told.id} {told.person.id}'.encode()).hexdigest()[:32]}@liaison>"
        message.set_content(told.text)
        host, port = host_port(self.settings.smtp)
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.settings.tls == "tls":
            relay: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=context)
        else:
            relay = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
        with relay:
            if self.settings.tls == "starttls":
                relay.starttls(context=context)
            if self.login is not None:
                relay.login(*self.login)
            relay.send_message(message)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A POST of JSON, signed as Standard Webhooks say: HMAC-SHA256 over its id, its time and its body."""

    url: str
    ca: str
    secret: bytes
    now_us: Callable[[], int]
    name: str = "webhook"

    def takes(self, told: Told) -> bool:
        """Tell that the webhook takes words for everybody."""
        del told
        return True

    def send(self, told: Told) -> None:
        """Send a word to the gateway."""
        about = {
            "person": told.person.id,
            "channel": told.person.channel,
            "urgency": told.urgency.value,
            "count": told.count,
            "due": rfc3339(told.due_us),
            "text": told.text,
        }
        body = json.dumps(about, ensure_ascii=False).encode()
        name = hashlib.sha256(f"{told.id} {told.person.id}".encode()).hexdigest()[:32]
        at = str(self.now_us() // 1_000_000)
        signed = hmac.new(self.secret, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
        context = ssl.create_default_context(cafile=self.ca or None)
        with httpx2.Client(verify=context, timeout=_TIMEOUT_S, trust_env=False) as client:
            client.post(self.url, content=body, headers=headers).raise_for_status()


def channels_of(settings: Notify, path: Callable[[str], Path], now_us: Callable[[], int]) -> list[Channel]:
    """Return the channels that a country has switched on. Raises `Misconfigured` for settings that cannot be used."""
    found: list[Channel] = []
    if settings.smtp:
        if not settings.sender:
            raise _wrong("notify.sender", "mail needs the address that it comes from")
        login = tomllib.loads(_private(path(settings.login))) if settings.login else {}
        pair = (str(login.get("user", "")), str(login.get("password", ""))) if login else None
        found.append(Mail(settings, str(path(settings.smtp_ca)) if settings.smtp_ca else "", pair))
    if settings.webhook:
        if not settings.webhook.startswith("https://"):
            raise _wrong("notify.webhook", "the webhook's address begins with https://")
        secret = _secret(path(settings.webhook_secret)) if settings.webhook_secret else b""
        if len(secret) < _LEAST_SECRET:
            raise _wrong("notify.webhook_secret", "the webhook needs a secret of 32 bytes or more")
        ca = str(path(settings.webhook_ca)) if settings.webhook_ca else ""
        found.append(Webhook(settings.webhook, ca, secret, now_us))
    return found


def _secret(file: Path) -> bytes:
    text = _private(file).strip().removeprefix("whsec_")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _wrong(str(file), "the secret is not base64") from error


def _private(file: Path) -> str:
    """Return the content of a file that only the node's account may read."""
    try:
        if file.stat().st_mode & 0o077:
            raise _wrong(str(file), "others can read this secret: chmod 600")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _wrong(str(file), "the file cannot be read") from error


def _wrong(where: str, what: str) -> Misconfigured:
    return Misconfigured(what, code="bad-notify", where=where, remedy="correct [notify] in node.toml")
