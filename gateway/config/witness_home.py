"""The home of a domestic witness: its files, and the settings of its `witness.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config.home import KeyHome
from gateway.config.load import Reading, read_settings
from gateway.config.schema import ModuleSettings
from gateway.config.sections.setting import setting
from gateway.config.sections.telemetry import Telemetry
from gateway.config.template import render_section, write_new

_HEAD = """\
# Settings of this domestic witness (`liaison witness serve`). Each setting stands here with its default, behind a `#`
# where it is not set. An unknown name is an error.
"""


@dataclass(frozen=True, slots=True)
class WitnessHome(KeyHome):
    """The folders and files of a domestic witness's home (`liaison witness init`).

    Its keys: `witness` and `witness-mldsa` cosign, `tls` serves.
    """

    @property
    def settings(self) -> Path:
        """The settings: `witness.toml`."""
        return self.path / "witness.toml"

    @property
    def card(self) -> Path:
        """The card `witness.pub`, for the node and the authority."""
        return self.path / "witness.pub"

    @property
    def trust(self) -> Path:
        """The folder of charter, descriptors and statuses."""
        return self.path / "trust"

    @property
    def database(self) -> Path:
        """The memory of the witness: the newest head of each log, and evidence."""
        return self.path / "witness.sqlite"

    @property
    def seal(self) -> Path:
        """A second copy of the newest heads: a database that was put back is behind them."""
        return self.keys / "newest.json"


@dataclass(frozen=True, slots=True)
class WitnessedMember:
    """`[witness]`: whose witness this is."""

    member: str = setting("The member whose node is witnessed: ISO 3166-1 alpha-2, small letters.", required=True)


@dataclass(frozen=True, slots=True)
class WitnessListen:
    """`[listen]`: where the country's node reaches this machine, by gRPC with mutual TLS."""

    address: str = setting("host:port.", "127.0.0.1:7643")


@dataclass(frozen=True, slots=True)
class WitnessKeys(ModuleSettings):
    """`[keys]`: the key in a security module (PKCS#11), by URI. A key without a URI is a file in keys/ of the home."""

    witness: str = setting("Cosigns the heads of logs (Ed25519): pkcs11:token=NAME;object=NAME.", "")


@dataclass(frozen=True, slots=True)
class WitnessProcess:
    """All settings of a domestic witness. `origin` maps each to the place that set it."""

    home: WitnessHome
    witness: WitnessedMember
    listen: WitnessListen
    keys: WitnessKeys
    telemetry: Telemetry
    origin: Mapping[str, str]


_SECTIONS: dict[str, type[Any]] = {
    "witness": WitnessedMember,
    "listen": WitnessListen,
    "keys": WitnessKeys,
    "telemetry": Telemetry,
}


def load_witness(home: Path) -> WitnessProcess:
    """Return the settings of a witness's home. Raises `Misconfigured` with file, line and the nearest known name."""
    folder = WitnessHome(home.resolve())
    reading = Reading(read_settings(folder.settings, "liaison witness init"))
    settings = WitnessProcess(home=folder, origin=reading.origin, **reading.sections(_SECTIONS))
    reading.check_ids([("witness.member", settings.witness.member)])
    reading.check_address("listen.address", settings.listen.address)
    reading.check_telemetry(settings.telemetry)
    reading.mistakes.end()
    return settings


def write_witness(home: Path, values: Mapping[str, Any]) -> bool:
    """Write a commented `witness.toml` unless it exists; tell whether it was written. `values` are by path."""
    text = "\n".join([_HEAD, *(render_section(name, kind, values) for name, kind in _SECTIONS.items())])
    return write_new(WitnessHome(home).settings, text)
