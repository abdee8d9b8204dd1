"""Writes the commented `node.toml` of a new home, from the sentences of the settings."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.config.home import Home
from gateway.config.schema import LISTS, SECTIONS, AgencyKey, SourceSettings, TrialOfficer

_HEAD = """\
# Settings of this Liaison node. Each setting stands here with its default, behind a `#` where it is not set.
# An unknown name is an error. Relative paths are relative to this file's folder.
# LIAISON_<TABLE>_<KEY> in the environment (LIAISON_STORAGE_URL) comes before this file.
"""


def write_default(
    home: Path,
    settings: Mapping[str, Any],
    *,
    sources: Sequence[SourceSettings] = (),
    officers: Sequence[TrialOfficer] = (),
    agency_keys: Sequence[AgencyKey] = (),
) -> bool:
    """Write `node.toml` into `home` unless it exists; tell whether it was written.

    `settings` are those that differ from the defaults, by path: `{"node.member": "th"}`.
    """
    text = render(settings, sources=sources, officers=officers, agency_keys=agency_keys)
    return write_new(Home(home).settings, text)


def write_new(file: Path, text: str) -> bool:
    """Write settings into a file of mode 0640 unless it exists; tell whether it was written.

    The file gets its name when all of it is on the disk: half a file would look like a user's settings, and stay.
    """
    if file.exists():
        return False
    aside = file.with_name(f".{file.name}.{os.getpid()}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        aside.rename(file)
    finally:
        aside.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def render(
    settings: Mapping[str, Any],
    *,
    sources: Sequence[SourceSettings] = (),
    officers: Sequence[TrialOfficer] = (),
    agency_keys: Sequence[AgencyKey] = (),
) -> str:
    """Return the text of a commented `node.toml`."""
    parts = [_HEAD, *(render_section(name, kind, settings) for name, kind in SECTIONS.items())]
    for name, items in (
        ("source", sources),
        ("agency_key", agency_keys),
        ("token_key", ()),
        ("trial_officer", officers),
    ):
        parts += _list(name, items)
    return "\n".join(parts)


def render_section(name: str, kind: type[Any], settings: Mapping[str, Any]) -> str:
    """Return one table with the sentence of each setting; `settings` by path differ from the defaults."""
    lines = [f"# {_summary(kind)}", f"[{name}]"]
    for item in dataclasses.fields(kind):
        path = f"{name}.{item.name}"
        lines.append(f"# {item.metadata['doc']}")
        mark = "" if path in settings else "# "
        lines.append(f"{mark}{item.name} = {_toml(settings.get(path, item.default))}")
    return "\n".join(lines) + "\n"


def _list(name: str, items: Sequence[Any]) -> list[str]:
    kind = LISTS[name]
    lines = [f"# {_summary(kind)}"]
    lines += [f"#   {item.name}: {item.metadata['doc']}" for item in dataclasses.fields(kind)]
    tables = []
    for item in items:
        pairs = dataclasses.asdict(item).items()
        tables.append("\n".join([f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in pairs)]) + "\n")
    return ["\n".join(lines) + "\n", *tables]


def _summary(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().partition(": ")[2]


def _toml(value: Any) -> str:
    # JSON's text, numbers, truth values and lists of texts are TOML's; a required setting is never defaulted.
    return '""' if value is dataclasses.MISSING else json.dumps(value, ensure_ascii=False)
