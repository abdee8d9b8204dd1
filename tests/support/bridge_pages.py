"""The page of the customs annex, made from its table."""

from __future__ import annotations

from bridges.wco.annex import NEVER, Element, elements
from tests.support.shared import PROJECT

ANNEX_PAGE = PROJECT / "docs" / "guides" / "customs-elements.md"

_HEAD = """\
# Customs data elements: the annex

Made from `bridges/wco/annex.tsv` by `make docs`; a test fails when it differs.

Each field of a [Consignment](../records/Consignment.md) and a [Seizure](../records/Seizure.md), with the data element
of the WCO Data Model that it is. A number was seen in the EU's published tables of the entry messages (EU), or in
declarations of version 3.6 (DEC). `confirm` marks one that was in neither: confirm it in the edition that you use. The
place is the one in a declaration (DEC 3.6). A field without a number is a national one. [The guide of
bridges](bridges.md) has the command.
"""


def annex_page() -> str:
    """Return the page as it should be."""
    parts = [_HEAD]
    for kind in dict.fromkeys(one.type for one in elements()):
        rows = "\n".join(_row(one) for one in elements() if one.type == kind)
        parts.append(
            f"## {kind}\n\n| field | id | data element | place | seen in | note |\n|---|---|---|---|---|---|\n{rows}\n"
        )
    return "\n".join(parts)


def _row(one: Element) -> str:
    number = "never exported" if one.id == NEVER else one.id
    return f"| `{one.field}` | {number} | {one.name} | {one.path and f'`{one.path}`'} | {one.source} | {one.note} |"
