"""Count docstrings that are not plain technical English. The figures may only fall (`LIMITS`)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import parsed

FIRST_WORDS = (
    "What",
    "Whether",
    "Whoever",
    "Those",
    "The same",
    "Nobody",
    "That which",
    "As the",
    "Who",
    "Where",
    "How",
)
"""Words with which no docstring of a function begins: it begins with a verb."""

PHRASES = ("whoever", "nobody", "what is no ", "what has no ", "somebody who")
"""Phrases that readers must take apart."""

LIMITS = {"first word": 0, "phrase": 0}
"""The most that there may be of each."""


def functions() -> Iterator[tuple[Path, ast.AST, str]]:
    """Yield every function's docstring with its module; that of a command is its help, and speaks to its user."""
    for path, tree in parsed():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            is_command = any("click." in ast.unparse(decorator) for decorator in node.decorator_list)
            if (text := ast.get_docstring(node)) and not is_command:
                yield path, node, text


def figures() -> Counter[str]:
    """Return how many docstrings of functions begin with each of `FIRST_WORDS`, or hold one of `PHRASES`."""
    found: Counter[str] = Counter()
    for _, _, text in functions():
        found.update(word for word in FIRST_WORDS if re.match(rf"{word}\b", text))
        found.update(phrase.strip() for phrase in PHRASES if phrase in text.lower())
    return found


def totals() -> dict[str, int]:
    """Return the number of docstrings that begin with a wrong word, and of those that hold a phrase."""
    counted = figures()
    phrases = {phrase.strip() for phrase in PHRASES}
    return {
        "first word": sum(count for word, count in counted.items() if word not in phrases),
        "phrase": sum(count for word, count in counted.items() if word in phrases),
    }
