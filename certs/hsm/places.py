"""Which keys of a folder lie in a security module, and which are files there.

A key keeps the place that its file would have (`keys/statement.key`) also where its settings name a URI for it: the
rest of the gateway names keys by their places alone. A rotation puts another key in a place by a file beside it
(`keys/statement.uri`), which counts as long as the settings say what they said then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from certs.hsm.uri import KeyUri, parse_uri
from gateway.config.key_uris import MODULE_SETTINGS, key_texts, module_texts
from gateway.errors import Malformed
from gateway.host import durable
from gateway.host.durable import PRIVATE, make_folder

_PUT = ".uri"
"""The ending of the file that puts a key in a place: what the settings say of the place, then the URI, a line each."""


def uri_at(place: Path) -> KeyUri | None:
    """Return the URI of the key at this place, None for a file. Raises `Malformed` for a text that is not a URI."""
    text = uri_text(place)
    if not text:
        return None
    try:
        return _with(key_texts(place), parse_uri(text))
    except Malformed as error:
        where = f"keys.{place.stem}"
        raise Malformed(error.template, code=error.code, where=where, remedy=error.advice, **error.facts) from error


def uri_text(place: Path) -> str:
    """Return the URI of the key at this place as it stands where it is named; empty for a file."""
    said = _said(place)
    try:
        before, _, text = put_file(place).read_text(encoding="utf-8").partition("\n")
    except OSError:
        return said
    return text.rstrip("\n") if before == said else said


def is_put(place: Path) -> bool:
    """Tell whether a rotation put another key in this place than the settings say."""
    return uri_text(place) != _said(place)


def put_file(place: Path) -> Path:
    """Return the file that puts another key in a place."""
    return place.with_suffix(_PUT)


def put_key(place: Path, uri: str) -> None:
    """Put the key in a security module that `uri` names in a place, durably; a key file that was there goes."""
    make_folder(place.parent)
    durable.replace(put_file(place), f"{_said(place)}\n{uri}\n".encode(), PRIVATE)
    place.unlink(missing_ok=True)


def take_away(place: Path) -> None:
    """Take a key away from a place that no settings name: its file, or the file with its URI."""
    put_file(place).unlink(missing_ok=True)
    place.unlink(missing_ok=True)


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


def _in_module(folder: Path) -> set[str]:
    named = {name for name in key_texts(folder / "any.key") if name not in MODULE_SETTINGS}
    named |= {file.stem for file in folder.glob(f"*{_PUT}")}
    return {name for name in named if uri_text(folder / f"{name}.key")}


def _said(place: Path) -> str:
    is_key = place.suffix == ".key" and place.stem not in MODULE_SETTINGS
    return key_texts(place).get(place.stem, "") if is_key else ""


def _with(texts: Mapping[str, str], uri: KeyUri) -> KeyUri:
    return replace(
        uri,
        module_path=uri.module_path or texts.get("module", ""),
        pin_source=uri.pin_source or texts.get("pin_source", ""),
    )
