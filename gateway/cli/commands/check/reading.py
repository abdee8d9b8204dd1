"""Prints how an identifier was read, for all of `liaison check`."""

from __future__ import annotations

from gateway.cli.output import print_result
from gateway.records.identifiers.reading import Reading
from gateway.views.lines.reading import reading_lines


def show_reading(reading: Reading, *, as_json: bool) -> int:
    """Print how an identifier was read; return the exit code, 1 when it is not right."""
    print_result(reading.as_json(), reading_lines(reading), as_json=as_json)
    return 0 if reading.valid else 1
