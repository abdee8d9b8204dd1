"""Check the own tables of names of a home."""

from __future__ import annotations

from gateway.ops.finding import CheckContext, Finding, good
from gateway.ops.homes.own_tables import use_own_tables


def check_names(context: CheckContext) -> list[Finding]:
    """Check the home's own tables of names, and let them count: the sources' indexes depend on them."""
    told = use_own_tables(context.home.path)
    return [good("names", f"own rows of tables of names: {told}")] if told else []
