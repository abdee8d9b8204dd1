"""Reads `node.toml` into `Settings`: an unknown key is an error, and each setting remembers its origin.

`LIAISON_<TABLE>_<KEY>` in the environment (such as `LIAISON_STORAGE_URL`) comes before the file, so that a secret need
not stand in the file.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

from gateway.config.home import Home
from gateway.config.schema import LISTS, SECTIONS, Settings
from gateway.config.toml import TomlTable, nearest, parse_toml
from gateway.errors import Misconfigured

LOG_LEVELS = ("debug", "info", "warning", "error")
_MEMBER = re.compile(r"[a-z]{2}", re.ASCII)
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def load_settings(home: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `home`. Raises `Misconfigured` with file, line and the nearest known name."""
    home = home.resolve()
    root = read_settings(Home(home).settings, "liaison init")
    origin: dict[str, str] = {}
    values = _from_environment(os.environ if environment is None else environment)
    sections = fill_sections(root, SECTIONS, origin, values, LISTS)
    lists = {f"{name}s": _list(root, name, kind, origin) for name, kind in LISTS.items()}
    parts: dict[str, Any] = {**sections, **lists}
    settings = Settings(home=home, origin=origin, **parts)
    _check(settings)
    return settings


def read_settings(file: Path, command: str) -> TomlTable:
    """Return the root table of a home's settings, which `command` makes. Raises `Misconfigured`."""
    try:
        return parse_toml(file.name, file.read_bytes())
    except FileNotFoundError:
        remedy = f"make a home with `{command}`"
        raise Misconfigured("no settings here", code="no-home", where=str(file), remedy=remedy) from None
    except OSError as error:
        raise Misconfigured("cannot be read: {kind}", where=str(file), kind=type(error).__name__) from error


def fill_sections(
    root: TomlTable,
    kinds: Mapping[str, type[Any]],
    origin: dict[str, str],
    environment: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    lists: Mapping[str, type[Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the tables `kinds` as types; raise `Misconfigured` for a table that is in neither `kinds` nor `lists`."""
    known = {**kinds, **lists}
    for name in root.data:
        if name not in known:
            raise _unknown(f"unknown table `{name}`", name, known, root.place(name))
    return {name: _fill(root.table(name), kind, environment, origin) for name, kind in kinds.items()}


def check_ids(origin: Mapping[str, str], values: Iterable[tuple[str, str]]) -> None:
    """Raise `Misconfigured` for a value, given with its path, that is not an id."""
    for path, text in values:
        if not _ID.fullmatch(text):
            raise Misconfigured(
                "`{text}` is not an id", where=origin[path], remedy="1 to 64 of a-z 0-9 . _ -", text=text
            )


def check_log_level(level: str, where: str) -> None:
    """Raise `Misconfigured` unless `level` is one of `LOG_LEVELS`."""
    if level not in LOG_LEVELS:
        raise _unknown(f"unknown level `{level}`", level, LOG_LEVELS, where)


def host_port(text: str, where: str = "") -> tuple[str, int]:
    """Return host and port of `127.0.0.1:7443` or `[::1]:7443` (port 0 = any free one); else raise `Misconfigured`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Misconfigured(
            "`{text}` is not an address", where=where, remedy="host:port, such as 127.0.0.1:7443", text=text
        )
    return host.strip("[]"), int(port)


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return settings by path, with the variable's name; raise `Misconfigured` for an unknown key of a known table."""
    values = {}
    for variable, text in environment.items():
        table, _, key = variable.removeprefix("LIAISON_").lower().partition("_")
        if not variable.startswith("LIAISON_") or table not in SECTIONS:
            continue
        fields = [item.name for item in dataclasses.fields(SECTIONS[table])]
        if key not in fields:
            raise _unknown(f"unknown setting `{table}.{key}`", key, fields, f"environment {variable}")
        values[f"{table}.{key}"] = (variable, text)
    return values


def _list(root: TomlTable, name: str, kind: type[Any], origin: dict[str, str]) -> tuple[Any, ...]:
    items: dict[str, Any] = {}
    for table in root.tables(name):
        item = _fill(table, kind, {}, origin)
        if item.id in items:
            table.fail(f"`{item.id}` occurs twice", "id")
        items[item.id] = item
    return tuple(items.values())


def _fill(table: TomlTable, kind: type[Any], environment: Mapping[str, tuple[str, str]], origin: dict[str, str]) -> Any:
    fields = {item.name: item for item in dataclasses.fields(kind)}
    hints = get_type_hints(kind)
    for key in table.data:
        if key not in fields:
            raise _unknown(f"unknown setting `{table.name(key)}`", key, fields, table.place(key))
    values = {}
    for key, item in fields.items():
        full = table.name(key)
        if full in environment:
            variable, text = environment[full]
            place = origin[full] = f"environment {variable}"
            values[key] = _typed(_from_text(text, hints[key], place), hints[key], item.metadata, full, place)
        elif key in table.data:
            place = origin[full] = table.place(key)
            values[key] = _typed(table.data[key], hints[key], item.metadata, full, place)
        elif item.metadata["required"]:
            raise Misconfigured(
                "`{full}` is missing", where=table.place(), remedy="{advice}", full=full, advice=item.metadata["doc"]
            )
        else:
            origin[full] = "default"
    return kind(**values)


def _from_text(text: str, hint: Any, place: str) -> Any:
    if hint is bool:
        if text.lower() not in _TRUTH:
            raise Misconfigured("`{text}` is neither true nor false", where=place, text=text)
        return _TRUTH[text.lower()]
    if hint is int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            raise Misconfigured("`{text}` is not a whole number", where=place, text=text)
        return int(text)
    return text


def _typed(value: Any, hint: Any, metadata: Mapping[str, Any], path: str, place: str) -> Any:
    if hint in (str, int, bool):
        if type(value) is not hint:
            name = {str: "text in quotes", int: "a whole number", bool: "true or false"}[hint]
            raise Misconfigured("`{path}` must be {name}", where=place, path=path, name=name)
        if hint is int and value < metadata["minimum"]:
            raise Misconfigured(
                "`{path}` must be at least {minimum}", where=place, path=path, minimum=metadata["minimum"]
            )
        return value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Misconfigured(
            "`{path}` must be a list of texts", where=place, remedy='such as ["BORDER_CHECK"]', path=path
        )
    return tuple(value)


def _check(settings: Settings) -> None:
    """Raise `Misconfigured` for values that have the right type and are still wrong."""
    origin = settings.origin
    if not _MEMBER.fullmatch(settings.node.member):
        raise Misconfigured(
            "`{member}` is not a member id",
            where=origin["node.member"],
            remedy="such as `th`",
            member=settings.node.member,
        )
    names = [("node.name", settings.node.name)]
    names += [
        (f"source.{n}.{key}", text)
        for n, s in enumerate(settings.sources)
        for key, text in (("id", s.id), ("agency", s.agency))
    ]
    names += [
        (f"trial_officer.{n}.{key}", text)
        for n, o in enumerate(settings.trial_officers)
        for key, text in (("id", o.id), ("role", o.role), ("office", o.office), ("agency", o.agency))
    ]
    names += [(f"agency_key.{n}.id", key.id) for n, key in enumerate(settings.agency_keys)]
    check_ids(origin, names)
    for n, source in enumerate(settings.sources):
        if not source.mapping and not source.is_process:
            where = origin[f"source.{n}.id"]
            raise Misconfigured("`source.{n}.mapping` is missing", where=where, remedy="name its mapping file", n=n)
    host_port(settings.listen.exchange, origin["listen.exchange"])
    host_port(settings.listen.agency, origin["listen.agency"])
    if settings.listen.metrics:
        host_port(settings.listen.metrics, origin["listen.metrics"])
    check_log_level(settings.telemetry.log_level, origin["telemetry.log_level"])


def _unknown(message: str, name: str, known: Iterable[str], where: str) -> Misconfigured:
    return Misconfigured(message, code="unknown-setting", where=where, remedy=nearest(name, known))
