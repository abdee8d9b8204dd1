"""Reads `node.toml` into `Settings`: an unknown key is an error, and each setting remembers its origin.

`LIAISON_<TABLE>_<KEY>` in the environment (such as `LIAISON_STORAGE_URL`) comes before the file, so that a secret need
not stand in the file.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

from gateway.config.home import Home
from gateway.config.mistakes import Mistakes
from gateway.config.schema import LISTS, SECTIONS, Settings
from gateway.config.sections.console import WAYS
from gateway.config.sections.setting import ENDED
from gateway.config.sections.telemetry import LOG_LEVELS, SIGNALS, Telemetry
from gateway.config.toml import MOST_UNKNOWN, TomlTable, nearest, parse_toml
from gateway.errors import Misconfigured
from gateway.host.addresses import is_loopback

PASSKEYS = ("where-enrolled", "demanded")
_MEMBER = re.compile(r"[a-z]{2}", re.ASCII)
_WEB = re.compile(
    r"(?P<scheme>https?)://(?P<authority>(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>\d{1,5}))?)"
    r"(?P<path>/[!-\"$-~]{0,1000})?",
    re.ASCII,
)
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_SUCH_AS = "such as `{example}`"
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def load_settings(home: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `home`. Raises `Misconfigured` with all mistakes, each with line and nearest name."""
    home = home.resolve()
    root = read_settings(Home(home).settings, "liaison init")
    reading = Reading(root)
    reading.environment = _from_environment(os.environ if environment is None else environment, reading.mistakes)
    reading.origin |= {path: f"environment {name}" for path, (name, _) in reading.environment.items() if path in ENDED}
    sections = reading.sections(SECTIONS, LISTS)
    lists = {f"{name}s": reading.items(name, kind) for name, kind in LISTS.items()}
    parts: dict[str, Any] = {**sections, **lists}
    settings = Settings(home=home, origin=reading.origin, **parts)
    _check(settings, reading)
    reading.mistakes.end()
    return settings


def read_settings(file: Path, command: str) -> TomlTable:
    """Return the root table of a home's settings, which `command` makes. Raises `Misconfigured`."""
    try:
        return parse_toml(file.name, file.read_bytes())
    except FileNotFoundError:
        raise Misconfigured(
            "no settings here", code="no-home", where=str(file), remedy="make a home with `{command}`", command=command
        ) from None
    except PermissionError:
        raise Misconfigured(
            "this account may not read it", where=str(file), remedy="run the command as the account that owns the home"
        ) from None
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}",
            where=str(file),
            remedy="put the file back; `{command}` writes one with all defaults where there is none",
            strerror=error.strerror,
            command=command,
        ) from error


class Reading:
    """One reading of a settings file: it goes on after each mistake. A setting with a mistake has no origin."""

    def __init__(self, root: TomlTable) -> None:
        self.mistakes = Mistakes()
        self.origin: dict[str, str] = {}
        self.environment: Mapping[str, tuple[str, str]] = {}
        self._root = root

    def sections(
        self, kinds: Mapping[str, type[Any]], lists: Mapping[str, type[Any]] = MappingProxyType({})
    ) -> dict[str, Any]:
        """Return the tables `kinds` as types. A table that is in neither `kinds` nor `lists` is a mistake."""
        known = {**kinds, **lists}
        self.mistakes.keep(
            _unknown(f"unknown table `{name[:40]}`", name, known, self._root.place(name))
            for name in islice((name for name in self._root.data if name not in known), MOST_UNKNOWN)
        )
        return {name: self._section(name, kind) for name, kind in kinds.items()}

    def items(self, name: str, kind: type[Any]) -> tuple[Any, ...]:
        """Return the tables of a list as types, each with an id of its own."""
        found: dict[str, Any] = {}
        with self.mistakes.kept():
            for table in self._root.tables(name):
                item = self._fill(table, kind)
                if item.id in found and table.name("id") in self.origin:
                    self.mistakes.keep(
                        [table.wrong(f"`{item.id[:40]}` occurs twice", "id", remedy="give each its own")]
                    )
                found[item.id if item.id not in found else table.name()] = item
        return tuple(found.values())

    def check_ids(self, values: Iterable[tuple[str, str]]) -> None:
        """Keep a mistake for each value, given with its path, that is not an id."""
        self.mistakes.keep(
            Misconfigured(
                "`{text}` is not an id", where=self.origin[path], remedy="1 to 64 of a-z 0-9 . _ -", text=text[:80]
            )
            for path, text in values
            if path in self.origin and not _ID.fullmatch(text)
        )

    def check_address(self, path: str, text: str, scheme: str = "") -> None:
        """Keep a mistake where a setting is not `host:port` after its scheme."""
        if path in self.origin:
            with self.mistakes.kept():
                host_port(text, self.origin[path], scheme)

    def check_word(self, path: str, text: str, known: Iterable[str], kind: str) -> None:
        """Keep a mistake where a setting is not one of the `known` words of a kind."""
        if path in self.origin and text not in known:
            self.mistakes.keep([_unknown(f"unknown {kind} `{text[:40]}`", text, known, self.origin[path])])

    def check_telemetry(self, telemetry: Telemetry) -> None:
        """Keep the mistakes in the settings of logs and of the collector."""
        self.check_word("telemetry.log_level", telemetry.log_level, LOG_LEVELS, "level")
        for signal in telemetry.signals:
            self.check_word("telemetry.signals", signal, SIGNALS, "signal")
        if not telemetry.endpoint or "telemetry.endpoint" not in self.origin:
            return
        where = self.origin["telemetry.endpoint"]
        with self.mistakes.kept():
            if collector_address(telemetry.endpoint, where).is_secured and not telemetry.ca:
                raise Misconfigured(
                    "`telemetry.ca` is missing", where=where, remedy="name the CA file of the collector's certificate"
                )
        if bool(telemetry.certificate) != bool(telemetry.key):
            lone = Misconfigured(
                "`telemetry.certificate` and `telemetry.key` belong together", where=where, remedy="name both, or none"
            )
            self.mistakes.keep([lone])

    def _section(self, name: str, kind: type[Any]) -> Any:
        table = self._root.inner(name, {})
        with self.mistakes.kept():
            table = self._root.table(name)
        return self._fill(table, kind)

    def _fill(self, table: TomlTable, kind: type[Any]) -> Any:
        fields, hints = {item.name: item for item in dataclasses.fields(kind)}, get_type_hints(kind)
        ended = [key for key in table.data if table.name(key) in ENDED]
        self.origin |= {table.name(key): table.place(key) for key in ended}
        self.mistakes.keep(
            _unknown(f"unknown setting `{table.name(key[:40])}`", key, fields, table.place(key))
            for key in islice((key for key in table.data if key not in (*fields, *ended)), MOST_UNKNOWN)
        )
        values = {key: "" if item.default is dataclasses.MISSING else item.default for key, item in fields.items()}
        for key, item in fields.items():
            with self.mistakes.kept():
                values[key], self.origin[table.name(key)] = self._value(table, item, hints[key])
        return kind(**values)

    def _value(self, table: TomlTable, item: dataclasses.Field[Any], hint: Any) -> tuple[Any, str]:
        """Return the value of a setting, and the place that set it."""
        full = table.name(item.name)
        if full in self.environment:
            variable, text = self.environment[full]
            place = f"environment {variable}"
            return _typed(_from_text(text, hint, place), hint, item, full, place), place
        if item.name in table.data:
            place = table.place(item.name)
            return _typed(table.data[item.name], hint, item, full, place), place
        if item.metadata["required"]:
            remedy = "add it. {doc}"
            where, doc = table.place(), item.metadata["doc"]
            raise Misconfigured("`{full}` is missing", where=where, remedy=remedy, full=full, doc=doc)
        return item.default, "default"


def host_port(text: str, where: str = "", scheme: str = "") -> tuple[str, int]:
    """Return host and port of `127.0.0.1:7443` or `[::1]:7443` (port 0 = any free one); else raise `Misconfigured`."""
    host, colon, port = text.removeprefix(scheme).rpartition(":")
    named = text.startswith(scheme) and colon and host and port.isascii() and port.isdigit()
    if not named or len(port) > 5 or int(port) > 65535:
        remedy = "{scheme}host:port, such as {scheme}127.0.0.1:7443"
        raise Misconfigured("`{text}` is not an address", where=where, remedy=remedy, text=text[:80], scheme=scheme)
    return host.strip("[]"), int(port)


@dataclasses.dataclass(frozen=True, slots=True)
class WebAddress:
    """A URL in parts. `authority` is host and port as they were written; `text` is the whole."""

    host: str
    port: int
    authority: str
    path: str
    text: str
    is_secured: bool


def https_address(text: str, where: str = "") -> WebAddress:
    """Return the parts of `https://host[:port]/path`, with nothing but that; else raise `Misconfigured`."""
    address = _web_address(text)
    if address is None or not address.is_secured:
        remedy = "https://host/path, such as https://id.example.org/liaison/revocations"
        raise Misconfigured("`{text!a}` is not an https address", where=where, remedy=remedy, text=text[:80])
    return address


def collector_address(text: str, where: str = "") -> WebAddress:
    """Return the parts of an https URL, or of an http one of this machine; else raise `Misconfigured`."""
    address = _web_address(text)
    if address is None or not (address.is_secured or is_loopback(address.host)):
        raise Misconfigured(
            "`{text!a}` is not an address of a collector",
            where=where,
            remedy="https://HOST:4318, such as https://collector.example.org:4318; http:// with 127.0.0.1 only",
            text=text[:80],
        )
    return address


def _web_address(text: str) -> WebAddress | None:
    match = _WEB.fullmatch(text)
    if match is None:
        return None
    is_secured = match["scheme"] == "https"
    port = int(match["port"] or (443 if is_secured else 80))
    if port > 65535:
        return None
    return WebAddress(match["host"].strip("[]"), port, match["authority"], match["path"] or "/", text, is_secured)


def _from_environment(environment: Mapping[str, str], mistakes: Mistakes) -> dict[str, tuple[str, str]]:
    """Return settings by path, with the variable's name. An unknown key of a known table is a mistake."""
    values = {}
    for variable, text in environment.items():
        table, _, key = variable.removeprefix("LIAISON_").lower().partition("_")
        if not variable.startswith("LIAISON_") or table not in SECTIONS:
            continue
        fields = [item.name for item in dataclasses.fields(SECTIONS[table])]
        if key not in fields and f"{table}.{key}" not in ENDED:
            mistakes.keep([_unknown(f"unknown setting `{table}.{key}`", key, fields, f"environment {variable}")])
        values[f"{table}.{key}"] = (variable, text)
    return values


def _from_text(text: str, hint: Any, place: str) -> Any:
    if hint is bool:
        if text.lower() not in _TRUTH:
            raise Misconfigured(
                "`{text}` is neither true nor false",
                where=place,
                remedy="one of {words}",
                text=text,
                words=", ".join(_TRUTH),
            )
        return _TRUTH[text.lower()]
    if hint is float:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
            raise Misconfigured("`{text}` is not a number", where=place, remedy="such as 0.1", text=text)
        return float(text)
    if hint is int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            raise Misconfigured("`{text}` is not a whole number", where=place, remedy="one to nine figures", text=text)
        return int(text)
    return text


def _typed(value: Any, hint: Any, item: dataclasses.Field[Any], path: str, place: str) -> Any:
    """Return a value of the type and within the bounds of a setting. Raises `Misconfigured`."""
    such_as = {"path": path, "example": f"{item.name} = {_example(item)}"}
    if hint is float and type(value) is int:
        value = float(value)
    if hint in (str, int, bool, float):
        if type(value) is not hint:
            name = {str: "text in quotes", int: "a whole number", bool: "true or false", float: "a number"}[hint]
            raise Misconfigured("`{path}` must be {name}", where=place, remedy=_SUCH_AS, name=name, **such_as)
        if hint in (int, float) and not value >= item.metadata["minimum"]:
            least = item.metadata["minimum"]
            raise Misconfigured(
                "`{path}` must be at least {least}", where=place, remedy=_SUCH_AS, least=least, **such_as
            )
        if hint in (int, float) and value > item.metadata["maximum"]:
            most = item.metadata["maximum"]
            raise Misconfigured("`{path}` must be at most {most}", where=place, remedy=_SUCH_AS, most=most, **such_as)
        return value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Misconfigured("`{path}` must be a list of texts", where=place, remedy=_SUCH_AS, **such_as)
    return tuple(value)


def _example(item: dataclasses.Field[Any]) -> str:
    """Return the default of a setting as it stands in the file."""
    return json.dumps("text" if item.default in (dataclasses.MISSING, "") else item.default, ensure_ascii=False)


def _check(settings: Settings, reading: Reading) -> None:
    """Keep mistakes of values that have the right type and are still wrong."""
    origin, member = settings.origin, settings.node.member
    if "node.member" in origin and not _MEMBER.fullmatch(member):
        where = origin["node.member"]
        remedy = "the code of ISO 3166-1 in small letters, such as `th`"
        wrong = Misconfigured("`{member}` is not a member id", where=where, remedy=remedy, member=member[:40])
        reading.mistakes.keep([wrong])
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
    reading.check_ids(names)
    for n, source in enumerate(settings.sources):
        where = origin.get(f"source.{n}.mapping", "")
        if where and not source.mapping and not source.is_process:
            where = origin.get(f"source.{n}.id", where)
            missing = Misconfigured("`source.{n}.mapping` is missing", where=where, remedy="name its mapping file", n=n)
            reading.mistakes.keep([missing])
        if source.is_process:
            reading.check_address(f"source.{n}.url", source.url, "source://")
    reading.check_address("listen.exchange", settings.listen.exchange)
    reading.check_address("listen.agency", settings.listen.agency)
    if settings.listen.metrics:
        reading.check_address("listen.metrics", settings.listen.metrics)
    _check_console(settings, reading)
    if settings.tokens.revocations_url:
        url, where = settings.tokens.revocations_url, origin.get("tokens.revocations_url", "")
        with reading.mistakes.kept():
            https_address(url, where)
        if not settings.tokens.revocations_ca:
            missing = Misconfigured(
                "`tokens.revocations_ca` is missing", where=where, remedy="name the CA file of the server's certificate"
            )
            reading.mistakes.keep([missing])
    reading.check_telemetry(settings.telemetry)
    reading.check_word("release.passkey", settings.release.passkey, PASSKEYS, "word")
    reading.check_word("attachments.image_metadata", settings.attachments.image_metadata, ("remove", "keep"), "word")
    reading.check_word("notify.tls", settings.notify.tls, ("starttls", "tls", "none"), "word")


def _check_console(settings: Settings, reading: Reading) -> None:
    """Keep the mistakes in the settings of the console's listener and of the ways to sign in."""
    if settings.listen.console:
        reading.check_address("listen.console", settings.listen.console)
    for way in settings.console.login:
        reading.check_word("console.login", way, WAYS, "way to sign in")
    if origin := settings.console.origin:
        where = reading.origin.get("console.origin", "")
        with reading.mistakes.kept():
            if https_address(origin, where).text != f"https://{https_address(origin).authority}".lower():
                raise Misconfigured(
                    "`{origin}` is not the address of a site",
                    where=where,
                    remedy="https://host or https://host:port, in small letters and without a path",
                    origin=origin[:80],
                )
    if "oidc" in settings.console.login:
        where = reading.origin.get("console.login", "")
        for name in ("issuer", "client_id", "ca"):
            if not getattr(settings.oidc, name):
                reading.mistakes.keep(
                    [Misconfigured("`oidc.{name}` is missing", where=where, remedy="name it in [oidc]", name=name)]
                )
        if settings.oidc.issuer:
            with reading.mistakes.kept():
                https_address(settings.oidc.issuer, reading.origin.get("oidc.issuer", ""))
        if "openid" not in settings.oidc.scopes:
            where = reading.origin.get("oidc.scopes", "")
            missing = Misconfigured("`oidc.scopes` lacks `openid`", where=where, remedy="add it")
            reading.mistakes.keep([missing])


def _unknown(message: str, name: str, known: Iterable[str], where: str) -> Misconfigured:
    return Misconfigured(message, code="unknown-setting", where=where, remedy=nearest(name, known))
