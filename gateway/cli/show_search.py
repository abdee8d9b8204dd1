"""Print a search, line by line."""

from __future__ import annotations

from typing import Any

from gateway.cli.output import say
from gateway.views.search_lines import headline, hit_lines


def show_search(search: dict[str, Any], own: str) -> None:
    """Print a search."""
    for line in search["lines"]:
        text, style = headline(line, own)
        say(text, style)
        if line.get("exchange_id"):
            say(f"      exchange {line['exchange_id']}", "dim")
        for hit in line["hits"]:
            for detail in hit_lines(hit):
                say(f"      {detail}")
    for member in search["waiting_for"]:
        say(f"  {member}  still waiting")
    say(f"  search {search['id']}", "dim")
