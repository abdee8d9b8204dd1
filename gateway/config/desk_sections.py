"""The settings of the desk: what a human shows who decides, and how people are told that work waits."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.setting import setting


@dataclass(frozen=True, slots=True)
class Release:
    """`[release]`: what a human shows who decides on what leaves the country (docs/guides/passkeys.md)."""

    passkey: str = setting(
        "where-enrolled: who has a passkey enrolled signs with it. demanded: nobody decides without one.",
        "where-enrolled",
        live=True,
    )
    rp_id: str = setting(
        "The domain of the console, for which passkeys are made, such as desk.th.example. Empty: none are.", ""
    )
    origins: tuple[str, ...] = setting(
        "Addresses of the console's pages, such as https://desk.th.example. Empty: every one of rp_id.", (), live=True
    )


@dataclass(frozen=True, slots=True)
class Notify:
    """`[notify]`: how people are told that work waits for them (docs/guides/desk.md); never what it is about."""

    smtp: str = setting("host:port of the country's own mail relay. Empty: no mail is sent.", "")
    tls: str = setting(
        "starttls or tls: the relay must show its certificate. none: only for a relay on this machine.",
        "starttls",
    )
    smtp_ca: str = setting("PEM file of the CA of the relay's certificate. Empty: those of the system.", "", path=True)
    sender: str = setting("The address that mail comes from.", "")
    login: str = setting("TOML file with user and password of the relay (mode 0600). Empty: none.", "", path=True)
    webhook: str = setting("https address that gets a signed word for each person who is told. Empty: none.", "")
    webhook_ca: str = setting("PEM file of the CA of its certificate. Empty: those of the system.", "", path=True)
    webhook_secret: str = setting(
        "File of the secret that signs it, of 32 bytes or more in base64 (mode 0600).", "", path=True
    )
    digest_s: int = setting("Seconds between two digests of work that is neither FLASH nor URGENT.", 3600, minimum=60)
    console: str = setting("Address of the desk that a word names, such as https://desk.th.example.", "")
