"""REST/JSON interfaces over mutual TLS or with OAuth client credentials (docs/guides/http.md).

Everything that an interface says is untrusted: sizes, pages, links, times and texts have limits, and no error
repeats its words (CASE-K2, CASE-K5, CASE-K10).
"""

from adapters.base import Adapter
from adapters.http.access import check_address, load_access
from adapters.http.source import HttpSource
from adapters.load import Place, open_indexed
from adapters.mapping.file import load_mapping

__all__ = ["HttpSource", "open_http"]


def open_http(place: Place) -> Adapter:
    """Return the interface at `place.url`, behind a key index (`adapters.load.Opener`)."""
    mapping = load_mapping(place.mapping, is_draft=place.is_draft)
    base = check_address(place.url, mapping.id)
    return open_indexed(HttpSource(mapping, base, load_access(place.access, base), place.clock), place)
