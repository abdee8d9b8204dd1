"""Which keys of a folder lie in a security module, and which are files there.

A key keeps the place that its file would have (`keys/statement.key`) also where its settings name a URI for it: the
rest of the gateway names keys by their places alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from certs.hsm.uri import KeyUri, parse_uri
from gateway.config.key_uris import MODULE_SETTINGS, key_texts, module_texts
from gateway.errors import Malformed


def uri_at(place: Path) -> KeyUri | None:
    """Return the URI of the key at this place, None for a file. Raises `Malformed` for a text that is no URI."""
    texts = key_texts(place)
    text = texts.get(place.stem, "") if place.suffix == ".key" and place.stem not in MODULE_SETTINGS else ""
    if not text:
        return None
    try:
        return _with(texts, parse_uri(text))
    except Malformed as error:
        where = f"keys.{place.stem}"
        raise Malformed(error.template, code=error.code, where=where, remedy=error.advice, **error.facts) from error


def completed(uri: KeyUri) -> KeyUri:
    """Return a URI of a command line with the module and the PIN's source of the environment where it names none."""
    return _with(module_texts(), uri)


def has_key(place: Path) -> bool:
    """Tell whether there is a key at this place: a file, or one in a security module."""
    return place.exists() or place.stem in _in_module(place.parent)


def key_places(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the places of all keys of a folder whose names fit `pattern`, of files and of a security module."""
    named = {folder / f"{name}.key" for name in _in_module(folder) if fnmatchcase(name, pattern)}
    return sorted({*folder.glob(f"{pattern}.key"), *named})


def _in_module(folder: Path) -> Iterator[str]:
    return (name for name in key_texts(folder / "any.key") if name not in MODULE_SETTINGS)


def _with(texts: Mapping[str, str], uri: KeyUri) -> KeyUri:
    return replace(
        uri,
        module_path=uri.module_path or texts.get("module", ""),
        pin_source=uri.pin_source or texts.get("pin_source", ""),
    )
