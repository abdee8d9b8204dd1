"""Structured logs: one event, one line of JSON on standard error (CASE-L7), fields by allow-list.

The text of an exception is never written, since it may quote a query: class, code and place are.
"""

from __future__ import annotations

import logging
import select
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import orjson
import structlog

from gateway.errors import LiaisonError
from gateway.telemetry.names import FIELDS, LogLine

_LIMIT = 200
_ROOM = 4096
"""Letters that are written at once: a pipe that is ready has room for so many bytes."""

_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="time")
_OWN = frozenset({"event", "level", "time"})


class Logger:
    """Writes events with the fields that are bound to it. Levels below the configured one cost one comparison."""

    __slots__ = ("_bound", "_logger")

    def __init__(self, **bound: object) -> None:
        self._bound = bound
        self._logger = structlog.stdlib.get_logger().bind(**bound)

    def info_each(self, event: LogLine, rows: Sequence[Mapping[str, str | int]]) -> None:
        """Write a line for each of many rows at once, for the hot path: 2 µs a line.

        The fields are those of `event.labels`, and their values ids and words of closed sets. Nothing else is redacted.
        """
        if (stream := _sink.get(logging.INFO)) is None:
            return
        head = {**self._bound, "event": event.value, "level": "info", **_stamp(None, "", {})}
        text = ""
        for row in rows:
            fields = {**row, **head}
            for export in _exports:
                export(fields)
            line = orjson.dumps(fields).decode() + "\n"
            if text and len(text) + len(line) > _ROOM:
                stream.write(text)
                text = ""
            text += line
        stream.write(text)

    def debug(self, event: LogLine, **fields: object) -> None:
        """Write an event for developers."""
        self._logger.debug(event.value, **fields)

    def info(self, event: LogLine, **fields: object) -> None:
        """Write an event that an administrator may want to see."""
        self._logger.info(event.value, **fields)

    def warning(self, event: LogLine, error: BaseException | None = None, **fields: object) -> None:
        """Write an event that an administrator should look at."""
        self._logger.warning(event.value, **fields, **describe(error))

    def error(self, event: LogLine, error: BaseException | None = None, **fields: object) -> None:
        """Write an event that needs a human now."""
        self._logger.error(event.value, **fields, **describe(error))


def describe(error: BaseException | None) -> dict[str, str]:
    """Return the fields of an exception for a log line: class, code and place, never its text."""
    if error is None:
        return {}
    fields = {"error": type(error).__name__}
    if isinstance(error, LiaisonError):
        fields |= {"code": error.code, "reason": error.reason.value}
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        fields["at"] = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return fields


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs, those of libraries too, as JSON lines to `stream` (standard error)."""
    number = logging.getLevelNamesMapping()[level.upper()]
    lossy = _LossyStream(stream or sys.stderr)
    _sink.clear()
    _sink.update((each, lossy) for each in (logging.INFO, logging.DEBUG) if number <= each)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lossy)),
        processors=[
            structlog.processors.add_log_level,
            _stamp,
            redact,
            _export,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        cache_logger_on_first_use=False,
    )
    handler = _Libraries()
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


_sink: dict[int, _LossyStream] = {}
"""The stream of lines at the levels `info` and `debug`, where they are written."""

_exports: list[Callable[[Mapping[str, Any]], None]] = []


def is_debugged() -> bool:
    """Tell whether lines at the level `debug` are written."""
    return logging.DEBUG in _sink


def export_lines(take: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
    """Give the fields of each line that is written to `take`, too; return the function that ends that.

    `take` must not wait, and must not change what it gets.
    """
    _exports.append(take)
    return lambda: _exports.remove(take)


def _export(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for take in _exports:
        take(event)
    return event


class _LossyStream:
    """A stream of log lines that drops and counts lines it cannot write at once.

    A reader of the log may go away or stand still; neither an answer nor the end of a node whose storage failed waits
    for it. Events that must not be lost are in the audit log. A pipe is ready when it has room for 4 KiB.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._descriptor: int | None = None
        with suppress(OSError, ValueError):  # a stream without a descriptor never waits
            self._descriptor = stream.fileno()

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            if self._descriptor is None or self._has_room(self._descriptor):
                return self._stream.write(text)
        _lost_lines[0] += 1
        return 0

    def _has_room(self, descriptor: int) -> bool:
        poll = select.poll()  # one of its own for each call: two threads may not ask one at once
        poll.register(descriptor, select.POLLOUT)
        return bool(poll.poll(0))

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep listed fields with plain values, and count the others as `dropped`."""
    kept: dict[str, Any] = {}
    dropped = 0
    for key, value in event.items():
        if key in FIELDS or key in _OWN:
            kept[key] = _plain(value)
        else:
            dropped += 1
    if dropped:
        kept["dropped"] = dropped
        note_redacted(dropped)
    return kept


def note_redacted(count: int) -> None:
    """Count fields that were left out."""
    with _redacted_lock:
        _redacted[0] += count


_lost_lines = [0]


def lost_lines() -> int:
    """Return the number of log lines that could not be written since the start."""
    return _lost_lines[0]


_redacted = [0]
_redacted_lock = threading.Lock()


def redacted_fields() -> int:
    """Return the number of fields that were left out of log lines and spans since the start."""
    return _redacted[0]


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LIMIT else f"{text[:_LIMIT]}..."


class _Libraries(logging.Handler):
    """Writes one line for each record of a library: its name, level and place, not its text, which may hold content."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log = Logger(logger=record.name, at=f"{record.filename}:{record.lineno}")
        log._logger.log(record.levelno, LogLine.LIBRARY.value, **describe(error))
