"""Describe results in lines of text, each with a style where it has one."""

from __future__ import annotations

from typing import TypeAlias

Line: TypeAlias = str | tuple[str, str]
"""A text, or a text and its style: good, bad, warn, title or dim."""
