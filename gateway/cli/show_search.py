"""Print a search, line by line."""

from __future__ import annotations

from typing import Any

from gateway.cli.output import say
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.views.search_lines import headline, hit_lines


def show_search(search: dict[str, Any], own: str, language: Language) -> None:
    """Print a search."""
    for line in search["lines"]:
        text, style = headline(line, own, language)
        say(text, style)
        if line.get("exchange_id"):
            say(f"      {tell(language, 'exchange {id}', id=line['exchange_id'])}", "dim")
        for hit in line["hits"]:
            for detail in hit_lines(hit, language):
                say(f"      {detail}")
    for member in search["waiting_for"]:
        say(f"  {member}  {tell(language, 'still waiting')}")
    say(f"  {tell(language, 'search {id}', id=search['id'])}", "dim")
