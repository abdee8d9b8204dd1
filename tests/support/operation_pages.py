"""The pages `docs/telemetry.md` and `docs/settings.md`, from the program (`make generated`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.app.run.telemetry import NODE, SOURCE, STOP_S, WITNESS
from gateway.config.changes import is_live
from gateway.config.schema import LISTS, SECTIONS
from gateway.telemetry.names import BOUNDS, Gauge, Histogram, LogLine, Metric, Span
from gateway.telemetry.trace import MAX_STATE
from tests.support.shared import PROJECT

TELEMETRY_PAGE = PROJECT / "docs" / "telemetry.md"
SETTINGS_PAGE = PROJECT / "docs" / "settings.md"

_TELEMETRY = f"""\
# Metrics, traces and log events

Made from `gateway/telemetry/names.py` by `make docs`; a test fails when it differs from the program. No name that is
not listed here can be written, and none of them holds personal data.

## To an OpenTelemetry collector

```toml
[telemetry]                                          # in node.toml, source.toml or witness.toml; extra `otlp`
endpoint = "https://collector.police.example:4318"   # OTLP over HTTP; http:// on this machine only
ca = "collector-ca.pem"                              # the CA of its certificate: no other one is believed
certificate = "telemetry.pem"                        # our client certificate for it, where it wants one
key = "telemetry-client.key"                         # mode 0600
headers = "collector.headers"                        # `authorization: Bearer ...`, mode 0600
sample_ratio = 0.1
```

`liaison doctor` sends it an empty export and says what is wrong. What a process sends are **traces** (the spans below),
**metrics** and **log lines** (the same as on standard error, with `trace_id` and `span_id`); `signals` chooses among
them. A node tells all three, a source process and a witness their log lines and what became of them.
`deploy/telemetry/` has a configuration of a collector, a dashboard and alerts.

- **Nothing waits for a collector.** What waits for it is bounded, 4,096 spans and as many lines; beyond, new ones are
  lost and counted: `{Metric.TELEMETRY_LOST}`. An export takes `timeout_ms` at most, however slowly the collector reads
  or answers; it is tried again, ever more rarely, and the end of a process waits {STOP_S:.0f} seconds for the last one.
- **The resource** is `service.name` (`{NODE}`, `{SOURCE}`, `{WITNESS}`), `service.namespace` (the
  member), `service.instance.id` (`gw1.th`; of further processes of a home `gw1.th.1`), `service.version`, `host.name`,
  `host.arch`, `os.type`, `process.pid` and `process.runtime.*`.
- **A trace** leads from the officer's system (`traceparent` at `POST /v1/searches`) through our node to each
  counterpart and through its node. Each node records its own spans, in the collector of its own country. `tracestate`
  is sent on in the form of W3C up to {MAX_STATE} bytes, and never recorded; `baggage` is neither read nor sent.
- **What is recorded**: of our own systems what their `traceparent` says is sampled, of searches without one the part
  `sample_ratio`. A counterpart's sampled flag is a wish, granted `traces_per_s` times in a second; it cannot keep us
  from recording our part either ([decision 0105](decisions/0105-telemetry-to-a-collector.md)).
- **What is left out**: an attribute of a span that is not listed here, or not in its form, is left out and counted as
  `{Metric.REDACTED_FIELDS}`.

## Spans

Attributes stand below `liaison.` (`liaison.peer`), but for `code`, which is `error.type`.

"""
_METRICS = f"""
## Metrics

`listen.metrics = "127.0.0.1:9464"` (extra `prometheus`) serves them at `http://127.0.0.1:9464/metrics`, on a loopback
address only; of several processes of a home each takes the next port. `target_info` has `service_name="{NODE}"`,
the version, and the node as `service_instance_id` (`gw1.th`). A collector gets the same; its exporter for Prometheus
gives them the same names. All histograms have these bounds, in seconds:
{", ".join(f"{bound:g}" for bound in BOUNDS)}.

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
    """Return the page of metrics, traces and log events as it should be."""
    metrics = [(f"`{name}`", kind, _labels(name.labels), name.help) for kind, name in _metrics()]
    lines = [(f"`{name}`", _labels(name.labels), name.help) for name in LogLine]
    spans = [
        (f"`{span}`", _labels(span.labels), f"`{span.measured}`" if span.measured else "", span.help) for span in Span
    ]
    return "\n".join(
        [
            _TELEMETRY.rstrip() + "\n",
            *_table(("span", "attributes", "counted in", "meaning"), spans),
            _METRICS.rstrip() + "\n",
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


def _metrics() -> Iterator[tuple[str, Metric | Gauge | Histogram]]:
    for metric in Metric:
        yield "counter", metric
    for gauge in Gauge:
        yield "gauge", gauge
    for histogram in Histogram:
        yield "histogram", histogram


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
