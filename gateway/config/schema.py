"""The settings of `node.toml` as types; each field carries the sentence that documents it.

`template.py` writes the commented file from the same fields, so that every setting has its sentence there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.home import Home
from gateway.config.sections.console import Console, Oidc
from gateway.config.sections.desk import Attachments, Notify, OversightSettings, Release, RetentionMonths
from gateway.config.sections.setting import setting
from gateway.config.sections.telemetry import Telemetry
from gateway.errors import Misconfigured
from gateway.host.disk_reserve import RESERVE_MIB

_PACKAGE = Path(__file__).parents[1]
"""Files of the package are trusted as its code is."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """`[node]`: who this node is."""

    member: str = setting("The member whose node this is: ISO 3166-1 alpha-2, small letters.", required=True)
    name: str = setting("The node's name inside the member; it is part of its certificate.", "gw1")
    production: bool = setting("True refuses everything that is for trials only (the issuer of trial tokens).", False)


@dataclass(frozen=True, slots=True)
class Listen:
    """`[listen]`: addresses as host:port. The exchange faces other countries, agency faces our own systems."""

    exchange: str = setting("gRPC with mutual TLS towards counterparts.", "127.0.0.1:7443")
    agency: str = setting(
        "HTTPS with mutual TLS and officer tokens towards our own agencies' systems.", "127.0.0.1:8443"
    )
    console: str = setting("HTTPS of the console's pages, towards our own people. Empty: there is no console.", "")
    metrics: str = setting("Prometheus metrics (extra `prometheus`); a loopback address only. Empty: none.", "")


@dataclass(frozen=True, slots=True)
class Storage:
    """`[storage]`: the database, and the keystore apart from it."""

    url: str = setting(
        "The database: sqlite:///FILE or postgresql://USER@HOST/DATABASE, the password in a file (?passfile=FILE) or "
        "in LIAISON_STORAGE_URL, never here. Several processes need PostgreSQL. Empty: node.sqlite in the home.",
        "",
    )
    synchronous: bool = setting(
        "True refuses a PostgreSQL whose commits wait for no standby: after a fail-over to it nothing is missing.",
        False,
    )
    keystore: str = setting(
        "Folder of the content keys; never on the database's disk or in its backups.", "keystore", path=True
    )
    key_copy: str = setting(
        "Folder on another disk that holds a copy of the keystore and forgets when it does. Empty: there is none.",
        "",
        path=True,
    )
    reserve_mib: int = setting(
        "Mebibytes that stay free on the disks of home and keystore, but no more than a twentieth of a disk: below, "
        "new questions are refused, and what is under way ends with its entries. 0: none.",
        RESERVE_MIB,
        live=True,
    )
    sealed_index: bool = setting(
        "Encrypt the key indexes of the sources under index.key of the keystore (3 µs a row).", True
    )


@dataclass(frozen=True, slots=True)
class PolicyFolders:
    """`[policy]`: where the policies live."""

    national: str = setting("Folder of the national policy. Empty: the packaged one of the member.", "", path=True)
    base: str = setting("Folder of the base policy. Empty: the packaged one.", "", path=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """`[limits]`: time and numbers. Beyond a limit a request is refused, never dropped in silence."""

    budget_ms: int = setting(
        "Milliseconds in which counterparts must answer a search; later is `silent`.", 3000, minimum=1, live=True
    )
    in_flight_per_member: int = setting(
        "Requests of one counterpart in work at a time, over all processes.", 256, minimum=1, live=True
    )
    rate_per_member: int = setting(
        "Questions of one counterpart in a second, over all processes; beyond, they are turned away unread.",
        200,
        minimum=1,
        live=True,
    )
    burst_per_member: int = setting(
        "Questions of one counterpart that may come at once after a pause.", 2000, minimum=1, live=True
    )
    officer_rate_per_s: int = setting("Calls of one officer at the REST API in a second.", 50, minimum=1, live=True)
    officer_in_flight: int = setting("Calls of one officer at the REST API at a time.", 32, minimum=1, live=True)
    system_rate_per_s: int = setting(
        "Calls of one agency system at the REST API in a second.", 400, minimum=1, live=True
    )
    system_in_flight: int = setting("Calls of one agency system at the REST API at a time.", 96, minimum=1, live=True)
    officer_streams: int = setting(
        "Streams of events of one officer at one agency system at a time, beside its calls.", 8, minimum=1, live=True
    )
    system_streams: int = setting(
        "Open streams of events of one agency system, no more than are free for others.", 2000, minimum=1, live=True
    )
    queue: int = setting("Requests waiting in one stage, of all counterparts.", 1024, minimum=1, live=True)
    source_timeout_ms: int = setting(
        "Milliseconds in which a source must answer one search.", 2000, minimum=1, live=True
    )
    workers: int = setting("Threads of each source's bulkhead.", 4, minimum=1, maximum=256)
    receipt_debt: int = setting(
        "Answers that a counterpart may leave unacknowledged while it goes on asking and its receipts do not advance; "
        "beyond, its questions are refused, humanitarian ones excepted.",
        100,
        minimum=1,
        live=True,
    )
    receipt_debt_s: int = setting(
        "Seconds after which that holds for a single answer; no shorter than a receipt may take (30).",
        600,
        minimum=30,
        live=True,
    )


@dataclass(frozen=True, slots=True)
class WitnessSettings:
    """`[witness]`: who cosigns the heads of this node's logs (docs/guides/witness.md)."""

    domestic: str = setting(
        "host:port of the domestic witness (`liaison witness serve` on the auditor's machine), whose witness.pub lies "
        "in witnesses/ of the home. Empty: none, only counterparts.",
        "",
    )
    quorum: int = setting(
        "Counterparts whose cosignatures make a quorum. The domestic witness is enough alone.", 1, minimum=1, live=True
    )
    every_s: int = setting("Seconds between two rounds to the witnesses.", 30, minimum=1)
    wait_s: int = setting(
        "Seconds that a node with a restored or moved log waits at its start for a witness.", 20, minimum=0, maximum=60
    )


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """`[tokens]`: officers and tokens that the identity provider revokes (docs/guides/officer-api.md)."""

    revocations: str = setting(
        "File of the signed list; the node looks at it each second. Empty: it comes by PUT /v1/revocations, or by URL.",
        "",
        path=True,
    )
    revocations_url: str = setting("https address of the signed list, fetched each 30 seconds. Empty: none.", "")
    revocations_ca: str = setting("PEM file of the CA that certifies the server of that address.", "", path=True)
    provider: str = setting("The calling system that may send the list. Empty: none may.", "")
    require_revocations: bool = setting("True accepts no token without a list that is in its time.", False)
    require_training: bool = setting("True accepts no token of an officer without training on file.", False)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`[[source]]`: one agency system behind an adapter."""

    id: str = setting("The source's id, such as th.police.records.", required=True)
    agency: str = setting("The agency that owns its records; its key signs them.", required=True)
    mapping: str = setting(
        "TOML file that maps its tables to the record types; a source process has its own.", "", path=True
    )
    url: str = setting(
        "Where it is; the scheme chooses the adapter. SQLAlchemy's form for databases; a relative SQLite file is "
        "relative to the home; source://host:port is a source process in the agency's building.",
        "",
        required=True,
    )
    access: str = setting(
        "TOML file of passwords, certificates and clients for it, which only the node's account may read. Empty: none.",
        "",
        path=True,
    )
    difference_s: int = setting(
        "Seconds between two comparisons of all rows with the key index, for rows that vanish or change unseen by "
        "any change column.",
        3600,
        minimum=60,
    )
    rate_per_s: int = setting(
        "Searches per second at most; more wait, or the source is missing. 0: no limit.",
        0,
        live=True,
    )
    timeout_ms: int = setting(
        "Milliseconds in which this source must answer, within limits.source_timeout_ms. 0: only that one.",
        0,
        live=True,
    )

    tells_changes: bool = setting(
        "True: the node itself tells holders of a record that its row has vanished or changed, and asks nobody.", False
    )

    @property
    def is_process(self) -> bool:
        """Tell whether it is a process of its own, with the agency's key: then the node holds none."""
        return self.url.startswith("source:")


@dataclass(frozen=True, slots=True)
class ModuleSettings:
    """`[keys]`: the security module (PKCS#11) of keys that are named by a URI here."""

    module: str = setting("The maker's PKCS#11 library, such as /usr/lib/softhsm/libsofthsm2.so.", "")
    pin_source: str = setting(
        "Where the PIN is, for URIs without `pin-source`: file:/PATH (mode 0600) or fd:N. Never the PIN itself.",
        "",
    )


@dataclass(frozen=True, slots=True)
class Keys(ModuleSettings):
    """`[keys]`: keys in a security module (PKCS#11), by URI. A key without a URI is a file in keys/ of the home."""

    statement: str = setting("Signs questions and answers (P-256): pkcs11:token=NAME;object=NAME.", "")
    status: str = setting("Signs the member's status (P-256).", "")
    log: str = setting("Signs the heads of the logs (Ed25519).", "")
    witness: str = setting("Cosigns the heads of other countries' logs (Ed25519).", "")
    tls: str = setting("The key of TLS, towards counterparts and our own systems (P-256).", "")


@dataclass(frozen=True, slots=True)
class AgencyKey:
    """`[[agency_key]]`: the key of an agency in the security module, where this node holds it."""

    id: str = setting("The agency, such as police.", required=True)
    key: str = setting("The PKCS#11 URI of its key (P-256).", required=True)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """`[[token_key]]`: a key of the country's identity provider that signs officer tokens (ES256)."""

    id: str = setting("The `kid` in the head of its tokens.", required=True, live=True)
    file: str = setting("PEM file of the public key or of its certificate.", required=True, path=True, live=True)


@dataclass(frozen=True, slots=True)
class TrialOfficer:
    """`[[trial_officer]]`: an officer for whom the trial issuer makes tokens. Refused in production."""

    id: str = setting("The officer's unique person id.", required=True, live=True)
    office: str = setting("The office, such as th.blo.chiang-khong.", required=True, live=True)
    agency: str = setting("The officer's agency.", required=True, live=True)
    role: str = setting("The role that policy decides on.", "officer", live=True)
    purposes: tuple[str, ...] = setting("Purposes that the officer's tokens allow.", ("BORDER_CHECK",), live=True)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one home; `origin` says what set each: `<file>:<line>`, `default` or `environment <NAME>`."""

    home: Path
    node: NodeSettings
    listen: Listen
    storage: Storage
    policy: PolicyFolders
    limits: Limits
    retention: RetentionMonths
    witness: WitnessSettings
    tokens: TokenSettings
    keys: Keys
    release: Release
    notify: Notify
    attachments: Attachments
    console: Console
    oidc: Oidc
    telemetry: Telemetry
    oversight: OversightSettings
    sources: tuple[SourceSettings, ...] = ()
    agency_keys: tuple[AgencyKey, ...] = ()
    token_keys: tuple[TokenKey, ...] = ()
    trial_officers: tuple[TrialOfficer, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)

    def path(self, text: str) -> Path:
        """Return a path of the settings: relative ones are relative to the home."""
        return self.home / text

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the node's database."""
        return self.storage.url or f"sqlite:///{self.home / 'node.sqlite'}"

    @property
    def issues_tokens(self) -> bool:
        """Tell whether the node issues officer tokens: there is a console with a way to sign in without a provider."""
        return bool(self.listen.console) and not {"passkey", "card"}.isdisjoint(self.console.login)

    @property
    def is_shared(self) -> bool:
        """Tell whether the database is a server's, which several processes of this home may share."""
        return self.database_url.startswith(("postgresql://", "postgresql+psycopg://"))

    @property
    def database_file(self) -> Path:
        """The file of the SQLite database; raises `Misconfigured` when the URL names another engine."""
        scheme, _, file = self.database_url.partition(":///")
        if scheme != "sqlite" or not file:
            raise Misconfigured(
                "`{scheme}` is no file of SQLite",
                where=self.origin.get("storage.url", ""),
                remedy="leave storage.url empty, or give sqlite:///FILE or postgresql://USER@HOST/DATABASE",
                scheme=scheme.partition(":")[0],
            )
        return self.home / file

    @property
    def keystore(self) -> Path:
        """The folder of the content keys."""
        return self.path(self.storage.keystore)

    @property
    def read(self) -> tuple[Path, ...]:
        """The folders and files that people write and the node obeys: mappings, tables of names, lists of people."""
        home = Home(self.home)
        mappings = (self.path(source.mapping) for source in self.sources if source.mapping)
        own = (file for file in mappings if not file.is_relative_to(_PACKAGE))
        return (home.names, home.people, home.mappings, *own)

    @property
    def national_policy(self) -> Path:
        """The folder of the national policy; by default the packaged one of the member."""
        return (
            self.path(self.policy.national) if self.policy.national else PACKAGED_POLICY / "national" / self.node.member
        )

    @property
    def base_policy(self) -> Path:
        """The folder of the base policy; by default the packaged one."""
        return self.path(self.policy.base) if self.policy.base else PACKAGED_POLICY / "base"

    def source_url(self, source: SourceSettings) -> str:
        """Return a source's URL, with a relative SQLite file made absolute."""
        return source_url(self.home, source.url)


def source_url(home: Path, url: str) -> str:
    """Return the address of a source; a relative SQLite file is relative to the home."""
    scheme, slashes, file = url.partition(":///")
    is_relative = slashes and scheme.startswith("sqlite") and file and not file.startswith(("/", ":", "file:"))
    return f"{scheme}:///{home / file}" if is_relative else url


PACKAGED_POLICY = Path(__file__).resolve().parents[2] / "policy"
"""The policies that are installed beside this package."""

SECTIONS: dict[str, type[Any]] = {
    "node": NodeSettings,
    "listen": Listen,
    "storage": Storage,
    "policy": PolicyFolders,
    "limits": Limits,
    "retention": RetentionMonths,
    "witness": WitnessSettings,
    "tokens": TokenSettings,
    "keys": Keys,
    "release": Release,
    "notify": Notify,
    "attachments": Attachments,
    "console": Console,
    "oidc": Oidc,
    "telemetry": Telemetry,
    "oversight": OversightSettings,
}
"""Tables of `node.toml` that occur once."""

LISTS: dict[str, type[Any]] = {
    "source": SourceSettings,
    "agency_key": AgencyKey,
    "token_key": TokenKey,
    "trial_officer": TrialOfficer,
}
"""Tables of `node.toml` that occur any number of times."""
