"""Read which keys of a folder lie in a security module: the `[keys]` of its settings, as texts.

A home has them in its settings, and an authority's folder in `keys.toml`. They are read apart from the other settings,
since commands that sign must work where those are wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.config.toml import parse_toml
from gateway.errors import Misconfigured

AUTHORITY_KEYS = "keys.toml"
"""The file of an authority's folder that names its keys in a security module."""

MODULE_SETTINGS = ("module", "pin_source")
"""The settings of `[keys]` that name no key."""

_HOMES = ("node.toml", "source.toml", "witness.toml")
_VARIABLE = b"LIAISON_KEYS_"
_KEYS = "keys"
_ROTATED = ("next", "before")
"""Folders in `keys`, for keys that a rotation makes or ends; no setting names one of them."""

_good: dict[Path, Mapping[str, str]] = {}
"""The last readings: a file that is broken while a node runs changes nothing (decision 0054)."""


def key_texts(key_file: Path) -> Mapping[str, str]:
    """Return what is set for the folder of a key: `module`, `pin_source`, and URIs by the names of keys.

    The environment (`LIAISON_KEYS_STATEMENT`) comes before the settings of a node. Raises `Misconfigured` for a file
    that is not TOML.
    """
    folder = key_file.parent
    if folder.name in _ROTATED and folder.parent.name == _KEYS:
        return {name: text for name, text in key_texts(folder).items() if name in MODULE_SETTINGS}
    if folder.name == _KEYS:
        for name in _HOMES:
            if (texts := _texts(folder.parent / name)) is not None:
                return {**texts, **(_from_environment() if name == _HOMES[0] else module_texts())}
    return {**(_texts(folder / AUTHORITY_KEYS) or {}), **module_texts()}


def module_texts() -> dict[str, str]:
    """Return `module` and `pin_source` as the environment sets them."""
    return {name: text for name, text in _from_environment().items() if name in MODULE_SETTINGS}


def _from_environment() -> dict[str, str]:
    named = [name for name in os.environb if name.startswith(_VARIABLE)]  # few are ours, and only those are decoded
    return {
        os.fsdecode(name.removeprefix(_VARIABLE)).lower(): os.fsdecode(text)
        for name in named
        if (text := os.environb[name])
    }


def _texts(file: Path) -> Mapping[str, str] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    try:
        _good[file] = _read(file, found.st_ino, found.st_mtime_ns, found.st_size)
    except Misconfigured:
        if file not in _good:
            raise
    return _good[file]


@lru_cache(maxsize=64)
def _read(file: Path, _inode: int, _changed_ns: int, _size: int) -> Mapping[str, str]:
    data = parse_toml(file.name, file.read_bytes()).data
    keys, agencies = data.get(_KEYS), data.get("agency_key")
    texts = _only_texts(keys) if isinstance(keys, dict) else {}
    for table in agencies if isinstance(agencies, list) else ():
        item = _only_texts(table) if isinstance(table, dict) else {}
        if {"id", "key"} <= item.keys():
            texts[f"agency-{item['id']}"] = item["key"]
    return texts


def _only_texts(table: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in table.items() if isinstance(text, str) and text}
