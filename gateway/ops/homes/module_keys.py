"""Name the keys in a security module of a home or an authority that is made now (`--key-uri NAME=URI`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from certs.hsm.uri import parse_uri
from gateway.config.key_uris import AUTHORITY_KEYS, MODULE_SETTINGS, key_texts
from gateway.config.schema import AgencyKey
from gateway.config.toml import nearest
from gateway.errors import Misconfigured, Misused
from gateway.host.durable import PUBLIC, write_new

AUTHORITY = ("authority", "ca")
"""The keys of an authority's folder."""

_AGENCY = "agency-"


@dataclass(frozen=True, slots=True)
class ModuleKeys:
    """Keys in a security module: URIs by the names of keys, and where module and PIN are. Empty: all keys are files."""

    uris: Mapping[str, str] = field(default_factory=dict)
    module: str = ""
    pin_source: str = ""

    def settings(self, known: Collection[str]) -> dict[str, str]:
        """Return the settings of `[keys]`, by path, for the keys that are `known` and given."""
        named = {name: uri for name, uri in self.uris.items() if name in known}
        return {f"keys.{name}": text for name, text in (self._place | named).items()} if named else {}

    @property
    def agencies(self) -> list[AgencyKey]:
        """The agencies' keys."""
        return [
            AgencyKey(name.removeprefix(_AGENCY), uri) for name, uri in self.uris.items() if name.startswith(_AGENCY)
        ]

    @property
    def module_settings(self) -> dict[str, str]:
        """The settings of module and PIN, by path."""
        return {f"keys.{name}": text for name, text in self._place.items()}

    @property
    def _place(self) -> dict[str, str]:
        given = zip(MODULE_SETTINGS, (self.module, self.pin_source), strict=True)
        return {name: text for name, text in given if text}

    def check_names(self, known: Collection[str], *, agencies: bool = False) -> None:
        """Raise `Misused` for the URI of a key that is not `known`, `Malformed` for a text that is not a URI."""
        for name, uri in self.uris.items():
            if name not in known and not (agencies and name.removeprefix(_AGENCY) not in ("", name)):
                raise Misused("--key-uri: there is no key `{name}` here ({near})", name=name, near=nearest(name, known))
            parse_uri(uri)

    def check_kept(self, folder: Path, where: Path) -> None:
        """Raise `Misconfigured` where the settings in `where` name another place for a key of `folder` than given."""
        texts = key_texts(folder / "any.key")
        for name, uri in self.uris.items():
            if texts.get(name, "") != uri:
                raise Misconfigured(
                    "the settings that are there do not say that the key `{name}` is `{uri}`",
                    code="other-key",
                    where=str(where),
                    remedy="write it into [keys] there, then run this again without --key-uri",
                    name=name,
                    uri=uri,
                )

    def write_authority(self, folder: Path) -> list[str]:
        """Write `keys.toml` of an authority with the URIs of its keys, where some are given; return its name."""
        settings, file = self.settings(AUTHORITY), folder / AUTHORITY_KEYS
        if not settings:
            return []
        if file.exists():
            ModuleKeys({name: self.uris[name] for name in AUTHORITY if name in self.uris}).check_kept(folder, file)
            return []
        lines = [f"{path.removeprefix('keys.')} = {json.dumps(text)}" for path, text in settings.items()]
        write_new(
            file, "\n".join(["# Keys of this authority in a security module.", "[keys]", *lines, ""]).encode(), PUBLIC
        )
        return [file.name]
