"""Describe results in lines of text, each with a style where it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import ParamSpec, TypeAlias


class Exact(str):
    """A line that holds what somebody wrote: it is printed as it is. Who makes it tells the times that are ours."""

    __slots__ = ()


class Next(str):
    """A line with a command of ours that comes next: it is told as ours beside lines with what somebody wrote."""

    __slots__ = ()


Line: TypeAlias = str | tuple[str, str]
"""A text, or a text and its style: good, bad, warn, title or dim."""

_P = ParamSpec("_P")


def indented(by: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines further to the right; what comes next stays ours."""
    return (Next(f"{by}{line}") if isinstance(line, Next) else f"{by}{line}" for line in lines)


def exact(lines: Callable[_P, Iterator[Line]]) -> Callable[_P, Iterator[Line]]:
    """Have lines with what somebody wrote printed as they are; their maker tells the times that are ours."""

    @wraps(lines)
    def kept(*arguments: _P.args, **options: _P.kwargs) -> Iterator[Line]:
        for line in lines(*arguments, **options):
            text, *style = (line,) if isinstance(line, str) else line
            told = text if isinstance(text, Next) else Exact(text)
            yield (told, style[0]) if style else told

    return kept
