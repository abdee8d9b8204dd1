"""Make pages from templates. Every value is escaped, control and direction characters included (CASE-L4)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.views.statistics import said
from gateway.views.words.printable import printable, whole_seconds

if TYPE_CHECKING:
    from jinja2 import Environment

_STYLES = {"proved": "proved", "contradicted": "contradicted", "not provable": "gap"}


def render(template: str, view: object) -> str:
    """Return the page that `template` makes of `view`."""
    return _environment().get_template(template).render(view=view)


def _shown(value: object) -> object:
    """Return a value ready for a page; text that a template has made (`__html__`) stays unchanged."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return whole_seconds(printable(value)).replace("\n", " ")


@cache
def _environment() -> Environment:
    # Imported here: most commands make no page, and would wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= {"style": _STYLES.__getitem__, "counted": said}
    return made
