"""The home of a source process: its files, and the settings of its `source.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gateway.config.home import KeyHome
from gateway.config.load import Reading, read_settings
from gateway.config.schema import ModuleSettings, source_url
from gateway.config.sections.setting import setting
from gateway.config.sections.telemetry import Telemetry
from gateway.config.template import render_section, write_new
from gateway.host.disk_reserve import RESERVE_MIB

STRICTNESSES = ("strict", "usual", "wide")
"""The values of `[limits] strictness`: those of `gateway.model.strictness.Strictness`."""

_HEAD = """\
# Settings of this source process (`liaison source serve`). Each setting stands here with its default, behind a `#`
# where it is not set. An unknown name is an error. Relative paths are relative to this file's folder.
"""


@dataclass(frozen=True, slots=True)
class SourceHome(KeyHome):
    """The folders and files of a source process's home (`liaison source init`).

    Its keys: `record` signs records, `tls` serves, `log` signs the log's heads.
    """

    @property
    def settings(self) -> Path:
        """The settings: `source.toml`."""
        return self.path / "source.toml"

    def request(self, name: str) -> Path:
        """Return the file of the request for the certificate of the key `name`, for an authority elsewhere."""
        return self.path / f"{name}.csr"

    @property
    def accepted(self) -> Path:
        """The folder of the node's statement certificates whose references are accepted."""
        return self.path / "accepted"

    @property
    def database(self) -> Path:
        """The database of the log."""
        return self.path / "source.sqlite"


@dataclass(frozen=True, slots=True)
class Agency:
    """`[source]`: whose source this is, and where the agency's system is."""

    member: str = setting("The member: ISO 3166-1 alpha-2, small letters.", required=True)
    agency: str = setting("The agency that owns the records; its key signs them.", required=True)
    mapping: str = setting("TOML file that maps the system's tables to the record types.", "mapping.toml", path=True)
    url: str = setting(
        "Where the system is; the scheme chooses the adapter. A relative SQLite file is relative to this folder.",
        "sqlite:///system.sqlite",
    )
    access: str = setting("TOML file of passwords and certificates for it, mode 0600. Empty: none.", "", path=True)
    nodes: tuple[str, ...] = setting("Names of our country's nodes that may ask, as in their certificates.", ("gw1",))
    reads: tuple[str, ...] = setting(
        "Further files and folders that the process may read where the machine has Landlock: those of a driver or a "
        "security module that lie neither here nor where the system keeps its own.",
        (),
    )
    writes: tuple[str, ...] = setting("Further files and folders that it may write there.", ())


@dataclass(frozen=True, slots=True)
class SourceListen:
    """`[listen]`: where the node reaches this process, by gRPC with mutual TLS."""

    address: str = setting("host:port.", "127.0.0.1:7543")


@dataclass(frozen=True, slots=True)
class SourceStorage:
    """`[storage]`: the log's content keys, apart from its database."""

    keystore: str = setting(
        "Folder of the content keys; never on the database's disk or backups.", "keystore", path=True
    )
    reserve_mib: int = setting(
        "Mebibytes that stay free on the disks of home and keystore, but no more than a twentieth of a disk: below, "
        "calls are refused. 0: none.",
        RESERVE_MIB,
    )
    sealed_index: bool = setting("Encrypt the key index under index.key of the keystore.", True)


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """`[limits]`: how much is done at a time."""

    threads: int = setting("Calls that are served at a time.", 8, minimum=1, maximum=256)
    refresh_s: int = setting("Seconds between two looks for changes in the agency's system.", 60, minimum=1)
    difference_s: int = setting("Seconds between two comparisons of all rows with the key index.", 3600, minimum=60)
    strictness: str = setting(
        "How alike names must be at least, whatever a purpose allows: strict, usual or wide.", "wide"
    )


@dataclass(frozen=True, slots=True)
class SourceKeys(ModuleSettings):
    """`[keys]`: keys in a security module (PKCS#11), by URI. A key without a URI is a file in keys/ of the home."""

    record: str = setting("Signs records (P-256): pkcs11:token=NAME;object=NAME.", "")
    log: str = setting("Signs the heads of the log (Ed25519).", "")


@dataclass(frozen=True, slots=True)
class SourceProcess:
    """All settings of a source process's home. `origin` maps each to the place that set it."""

    home: SourceHome
    source: Agency
    listen: SourceListen
    storage: SourceStorage
    limits: SourceLimits
    keys: SourceKeys
    telemetry: Telemetry
    origin: Mapping[str, str]

    def path(self, text: str) -> Path:
        """Return a path of the settings: relative ones are relative to the home."""
        return self.home.path / text

    @property
    def read(self) -> tuple[Path, ...]:
        """The folder and the file that people write and the process obeys: its own tables of names, and its mapping."""
        return (self.home.names, self.path(self.source.mapping))

    @property
    def opened(self) -> tuple[Path, ...]:
        """Return what the process reads: its home, and what the settings name.

        No folder around a file is among it: the next file there may be another home.
        """
        source, telemetry = self.source, self.telemetry
        scheme, slashes, file = self.url.partition(":///")
        system = [unquote(f"/{file}")] if slashes and scheme == "folder" else []
        if slashes and scheme.startswith("sqlite"):
            system = [f"{file}{end}" for end in ("", "-wal", "-shm", "-journal")]
        named = (source.mapping, telemetry.ca, telemetry.certificate, telemetry.key, self.keys.module, *source.reads)
        return (self.home.path, *(self.path(text) for text in (*system, *named) if text))

    @property
    def written(self) -> tuple[Path, ...]:
        """Return what the process writes: its index, its log, and the high-water marks and keys of this."""
        log = (self.home.database.with_name(f"{self.home.database.name}{end}") for end in ("", "-wal", "-shm"))
        folders = (self.home.index, self.home.highwater, self.path(self.storage.keystore))
        return (*folders, *log, *map(self.path, self.source.writes))

    @property
    def url(self) -> str:
        """The system's URL, with a relative SQLite file made absolute."""
        return source_url(self.home.path, self.source.url)


_SECTIONS: Mapping[str, type[Any]] = {
    "source": Agency,
    "listen": SourceListen,
    "storage": SourceStorage,
    "limits": SourceLimits,
    "keys": SourceKeys,
    "telemetry": Telemetry,
}


def load_source(home: Path) -> SourceProcess:
    """Return the settings of a source process's home. Raises `Misconfigured` with file, line and the nearest name."""
    folder = SourceHome(home.resolve())
    reading = Reading(read_settings(folder.settings, "liaison source init"))
    settings = SourceProcess(home=folder, origin=reading.origin, **reading.sections(_SECTIONS))
    reading.check_ids([("source.member", settings.source.member), ("source.agency", settings.source.agency)])
    reading.check_address("listen.address", settings.listen.address)
    reading.check_telemetry(settings.telemetry)
    reading.check_word("limits.strictness", settings.limits.strictness, STRICTNESSES, "set of thresholds")
    reading.mistakes.end()
    return settings


def write_source(home: Path, values: Mapping[str, Any]) -> bool:
    """Write a commented `source.toml` unless it exists; tell whether it was written. `values` are by path."""
    text = "\n".join([_HEAD, *(render_section(name, kind, values) for name, kind in _SECTIONS.items())])
    return write_new(SourceHome(home).settings, text)
