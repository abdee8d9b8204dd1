"""Tell whether files that a node reads once, at its start, are others since: they count after a restart only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from gateway.config.schema import Settings


def start_files(settings: Settings) -> dict[str, str]:
    """Return the hash of each file that counts as it was read at the start, by its name in the settings.

    These are mappings and access files of sources, login and secret of what tells people, and the outline of maps.
    """
    return {name: _hash(settings, name) for name in dict.fromkeys(_names(settings)) if name}


def changed_files(settings: Settings, read: Mapping[str, str]) -> list[str]:
    """Return the names of those that are others now than `read` says, of the files that these settings name still."""
    now = start_files(settings)
    return [name for name, digest in read.items() if name in now and now[name] != digest]


def _names(settings: Settings) -> Iterator[str]:
    for source in settings.sources:
        yield source.mapping
        yield source.access
    yield settings.notify.login
    yield settings.notify.webhook_secret
    yield settings.console.outline


def _hash(settings: Settings, name: str) -> str:
    try:
        return hashlib.sha256(settings.path(name).read_bytes()).hexdigest()
    except OSError:
        return ""
