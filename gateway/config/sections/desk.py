"""The settings of the desk: what a human shows who decides, and how people are told that work waits."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.sections.setting import setting


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


@dataclass(frozen=True, slots=True)
class OversightSettings:
    """`[oversight]`: what of our own officers' use a human looks at (docs/guides/oversight.md)."""

    review_percent: float = setting(
        "Percent of each officer's questions that a supervisor of the office reviews, picked by chance. 0: none.",
        2.0,
        maximum=100,
        live=True,
    )


@dataclass(frozen=True, slots=True)
class Attachments:
    """`[attachments]`: files of notices (docs/guides/attachments.md)."""

    scanner: str = setting(
        "clamd:/PATH/OF/SOCKET, clamd:HOST:PORT or command:/PROGRAM ARGUMENTS; none: files are opened unscanned, and "
        "production refuses it. Empty: no file is opened.",
        "",
        live=True,
    )
    scan_s: int = setting("Seconds that the scanner has for one file.", 600, minimum=1, maximum=86_400, live=True)
    image_metadata: str = setting(
        "remove: pictures leave without camera, place and time. keep: they leave as they are.", "remove", live=True
    )
    folder: str = setting("Folder of the sealed files; processes of one node share it.", "attachments", path=True)
    largest_mib: int = setting("Mebibytes of one file that officers bring.", 2048, minimum=1, maximum=2048, live=True)
    member_mib: int = setting("Mebibytes that files of one counterpart take here.", 20_480, minimum=1, live=True)
    brought_mib: int = setting(
        "Mebibytes that files of ours take before a notice names them.", 20_480, minimum=1, live=True
    )
    free_mib: int = setting("Mebibytes of the disk that files leave free.", 2048, live=True)


@dataclass(frozen=True, slots=True)
class RetentionMonths:
    """`[retention]`: months that content is kept, after that of writing. Then its keys are destroyed; proofs stay."""

    hit: int = setting("Of exchanges with a hit.", 36, minimum=1, maximum=1200)
    no_hit: int = setting("Of exchanges without a hit, refusals and silence.", 36, minimum=1, maximum=1200)
    operations: int = setting("Of entries of the operations log.", 36, minimum=1, maximum=1200)
    justification: int = setting("Of justifications: why a record is to be used onward.", 36, minimum=1, maximum=1200)
    desk: int = setting("Of the desk's rows; those still needed are sealed anew then.", 3, minimum=1, maximum=1200)
