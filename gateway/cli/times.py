"""Times on the command line, which are UTC."""

from __future__ import annotations

import click

TIME = click.DateTime(
    ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]
)
"""The type of an option that takes a time; also as entries, reports and answers show it."""
