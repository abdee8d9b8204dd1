"""The settings of the desk: what a human shows who decides."""

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
