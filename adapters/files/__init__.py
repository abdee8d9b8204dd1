"""Drop folders of CSV, XLSX, JSON Lines and XML files, read where they lie (docs/guides/files.md).

Only whole files count, links are not followed, nothing is ever written, and no value is evaluated (CASE-K8).
"""

from adapters.base import Adapter
from adapters.files.folder import folder_of
from adapters.files.source import FilesSource
from adapters.load import Place, open_indexed
from adapters.mapping.file import load_mapping

__all__ = ["FilesSource", "open_files"]


def open_files(place: Place) -> Adapter:
    """Return the folder at `place.url`, behind a key index (`adapters.load.Opener`)."""
    return open_indexed(
        FilesSource(load_mapping(place.mapping, is_draft=place.is_draft), folder_of(place.url), place.clock), place
    )
