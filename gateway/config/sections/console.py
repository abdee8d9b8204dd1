"""The settings of the console: how people sign in at its pages, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.sections.setting import setting

WAYS = ("oidc", "passkey", "card", "trial")
"""The ways to sign in."""


@dataclass(frozen=True, slots=True)
class Console:
    """`[console]`: who gets a page of the console, and for how long (docs/guides/console-login.md)."""

    origin: str = setting(
        "Address under which browsers reach the pages, such as https://desk.th.example. Empty: https://localhost with "
        "the port of listen.console.",
        "",
    )
    device_certificate: bool = setting(
        "True: only devices with a client certificate of our own CA get a page. False: each page is marked.", True
    )
    login: tuple[str, ...] = setting(
        "Ways to sign in: oidc (the country's identity provider), passkey (enrolled by two persons), card (a "
        "certificate of a person, weaker), trial (anybody as an officer for trials; refused in production).",
        ("passkey",),
    )
    idle_minutes: int = setting("Minutes without a page after which a session ends.", 15, minimum=1, maximum=60)
    shift_hours: int = setting("Hours after which a session ends in any case.", 12, minimum=1, maximum=24)
    sessions: int = setting("Sessions of one person at a time; one more ends the oldest.", 3, minimum=1, maximum=100)
    outline: str = setting(
        "GeoJSON file of the countries that maps are drawn over, as this country draws them. Empty: the outline of "
        "Liaison.",
        "",
        path=True,
    )


@dataclass(frozen=True, slots=True)
class Oidc:
    """`[oidc]`: the country's identity provider, for sign-in at the console; its keys stand under `[[token_key]]`."""

    issuer: str = setting("Its https address, exactly as it names itself.", "")
    client_id: str = setting("The name under which it knows the console.", "")
    ca: str = setting("PEM file of the CA of its server's certificate.", "", path=True)
    scopes: tuple[str, ...] = setting("What is asked for; `openid` is one of them.", ("openid", "offline_access"))
