"""List the settings in force: each with its value, the place that set it, and what it is for; secrets are left out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from gateway.config import Settings
from gateway.config.changes import is_live
from gateway.config.schema import LISTS, SECTIONS

_SECRET = re.compile(r"(://[^/?#:@\s]*):\S*@")
_NAMED = re.compile(
    r"(?i)(?<!pkcs11:)\b((?:pass(?:word|wd|phrase)?|pwd|pin-value|pin|secret|token|key|apikey)=)[^&;?\s]*"
)
_HIDDEN = "…"


@dataclasses.dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting as it is in force.

    `origin` is `default`, the line of a file or a variable of the environment; `live` says that `liaison reload` puts a
    change in force.
    """

    section: str
    path: str
    value: str
    origin: str
    doc: str
    live: bool


def settings_in_force(settings: Settings) -> list[SettingInForce]:
    """Return all settings, in the order of `node.toml`."""
    return list(_listed(settings))


def _listed(settings: Settings) -> Iterator[SettingInForce]:
    for section in SECTIONS:
        yield from _part(settings, section, section, getattr(settings, section))
    for name in LISTS:
        for number, item in enumerate(getattr(settings, f"{name}s")):
            yield from _part(settings, f"{name}.{item.id}", f"{name}.{number}", item)


def _part(settings: Settings, section: str, origins: str, part: Any) -> Iterator[SettingInForce]:
    for item in dataclasses.fields(part):
        origin = settings.origin.get(f"{origins}.{item.name}", "default")
        value = without_secrets(_text(getattr(part, item.name)))
        yield SettingInForce(section, f"{section}.{item.name}", value, origin, item.metadata["doc"], is_live(item))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def without_secrets(text: str) -> str:
    """Return a setting without the password of an address, and without the values of parameters that name a secret."""
    return _NAMED.sub(rf"\1{_HIDDEN}", _SECRET.sub(rf"\1:{_HIDDEN}@", text))
