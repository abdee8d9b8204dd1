"""Print the reading of an identifier, for all of `liaison check`."""

from __future__ import annotations

from gateway.cli.output import print_result
from gateway.records.identifiers.reading import Reading
from gateway.views.lines.reading import reading_lines


def show_reading(reading: Reading, *, as_json: bool) -> int:
    """Print the reading of an identifier; return the exit code, 1 when the identifier is not right."""
    print_result(reading.as_json(), reading_lines(reading), as_json=as_json)
    return 0 if reading.valid else 1
