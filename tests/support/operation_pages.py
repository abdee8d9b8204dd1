"""Write `docs/telemetry.md` and `docs/settings.md` from the program; `make docs` runs it, a test compares."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.config.changes import is_live
from gateway.config.schema import LISTS, SECTIONS
from gateway.telemetry.metrics import SERVICE
from gateway.telemetry.names import Gauge, LogLine, Metric
from tests.support.shared import PROJECT

TELEMETRY_PAGE = PROJECT / "docs" / "telemetry.md"
SETTINGS_PAGE = PROJECT / "docs" / "settings.md"

_TELEMETRY = f"""\
# Metrics and log events

Made from `gateway/telemetry/names.py` by `make docs`; a test fails when it differs from the program. No name that is
not listed here can be written, and none of them holds personal data.

## Metrics

`listen.metrics = "127.0.0.1:9464"` (extra `prometheus`) serves them at `http://127.0.0.1:9464/metrics`, on a loopback
address only; of several processes of a home each takes the next port. `target_info` has `service_name="{SERVICE}"`,
the version, and the node as `service_instance_id` (`gw1.th`).
"""
_LOGS = """
## Log events

One line of JSON on standard error for each event, with `event`, `level` and `time`, and with `component` (and
`member` or `log`) of the part that writes it. `telemetry.log_level` chooses how much is written; `liaison reload`
changes it in a running node. The text of an error is never written, since it may quote a question: its class
(`error`), `code`, `reason` and place (`at`) are.

**Each exchange is one line at the level `info`**, `exchange`: whether we answered a counterpart (`kind` `answered`),
got an answer (`received`, `late`) or none (`silent`, `too-many`), with the outcome, the counterpart and the
exchange's id, by which `liaison audit show` finds its entries. It says nothing of the person or thing that was asked
for, of the officer, or of the case. Lines that a reader does not take at once are lost and counted; the audit log has
them all.

"""
_SETTINGS = """\
# Settings and variables of the environment

Made from `gateway/config/schema.py` by `make docs`; a test fails when it differs from the program. `liaison init`
writes the same sentences into `node.toml`. An unknown name is an error, with its line and the nearest known name.

| variable of the environment | meaning |
|---|---|
| `LIAISON_HOME` | the home for every command that takes `--home`; the option comes before it |
| `LIAISON_LANGUAGE` | the language of what an officer reads, as `--language` |
| `LIAISON_<TABLE>_<KEY>` | a setting of a table that occurs once, such as `LIAISON_STORAGE_URL` |
| `NO_COLOR` | any text: commands print without colours |
| `NOTIFY_SOCKET`, `WATCHDOG_USEC` | set by systemd: a node says that it is ready, and that it lives |

A setting with "reload" changes in a running node with `liaison reload` or SIGHUP; any other needs a restart.
"""


def telemetry_page() -> str:
    """Return the page of metrics and log events as it should be."""
    metrics = [(f"`{name}`", kind, _labels(name.labels), name.help) for kind, name in _metrics()]
    lines = [(f"`{name}`", _labels(name.labels), name.help) for name in LogLine]
    return "\n".join(
        [
            _TELEMETRY,
            *_table(("metric", "kind", "labels", "meaning"), metrics),
            _LOGS.rstrip() + "\n",
            *_table(("event", "fields", "meaning"), lines),
            "",
        ]
    )


def settings_page() -> str:
    """Return the page of settings as it should be."""
    parts = [_SETTINGS]
    for name, kind in {**SECTIONS, **LISTS}.items():
        head = f"[[{name}]]" if name in LISTS else f"[{name}]"
        about = (kind.__doc__ or "").strip().partition(": ")[2]
        rows = [
            (f"`{item.name}`", _default(item), "reload" if is_live(item) else "restart", item.metadata["doc"])
            for item in dataclasses.fields(kind)
        ]
        parts += [f"## `{head}`\n\n{about}\n", *_table(("setting", "default", "changes by", "meaning"), rows), ""]
    return "\n".join(parts)


def write() -> None:
    """Write both pages."""
    TELEMETRY_PAGE.write_text(telemetry_page(), encoding="utf-8")
    SETTINGS_PAGE.write_text(settings_page(), encoding="utf-8")


def _metrics() -> Iterator[tuple[str, Metric | Gauge]]:
    for metric in Metric:
        yield "counter", metric
    for gauge in Gauge:
        yield "gauge", gauge


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default is dataclasses.MISSING:
        return "required"
    value = item.default
    text = str(value).lower() if isinstance(value, bool) else ", ".join(value) if isinstance(value, tuple) else value
    return f"`{text}`" if text != "" else "empty"


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [titles, ("---",) * len(titles), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
