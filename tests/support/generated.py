"""Every file of this tree that is made from others: `make generated` writes all of them, and one test compares.

`python -m tests.support.generated proto docs` writes the groups that are named; with `--check` it writes nothing and
names what differs. What needs a network or a browser is not among them: `make lock`, `make assets`, `make advisories
OSV=FOLDER` and `make screenshots`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.entries.catalogue import document
from gateway.clock import SystemClock
from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import OTHERS
from tests.support import bridge_pages, desk_pages, docs, mapping_docs, operation_pages, record_pages, words
from tests.support.shared import PROJECT

STALE = "not what they are made from: run `make generated`"
_PROTO = PROJECT / "proto"
_EVENTS_PAGE = PROJECT / "docs" / "audit-events.md"
_FIRST_YEAR = 2026

Files = Mapping[Path, bytes]


@dataclass(frozen=True)
class Generator:
    """Files that are made together, each with its bytes as it should be.

    In `folder` no other file of the same ending may stand: one that is not made any more is taken away.
    """

    group: str
    made: Callable[[], Files]
    folder: Path | None = None

    def differing(self) -> list[Path]:
        """Return the files that are missing, are not what they should be, or should not be there."""
        made = self.made()
        return sorted({*(path for path in made if _stored(path) != made[path]), *self._left_over(made)})

    def write(self) -> None:
        """Write the files, and take those away that are not made any more."""
        made = self.made()
        for path in self._left_over(made):
            path.unlink()
        for path, content in made.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _left_over(self, made: Files) -> set[Path]:
        endings = {path.suffix for path in made}
        there = self.folder.rglob("*") if self.folder else ()
        return {path for path in there if path.suffix in endings} - made.keys()


def _stored(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _page(path: Path, text: Callable[[], str]) -> Callable[[], Files]:
    return lambda: {path: text().encode()}


def _pages(folder: Path, texts: Callable[[], Mapping[str, str]]) -> Callable[[], Files]:
    return lambda: {folder / name: text.encode() for name, text in texts().items()}


def _wire_code() -> Files:
    """Return the code of the wire contract with its types, as the locked compiler writes it."""
    with tempfile.TemporaryDirectory() as folder:
        plugin = Path(sys.executable).with_name("protoc-gen-mypy")
        out = (f"--plugin=protoc-gen-mypy={plugin}", f"--python_out={folder}", f"--mypy_out=quiet:{folder}")
        sources = [str(path.relative_to(_PROTO)) for path in sorted(_PROTO.glob("liaison/*/v*/*.proto"))]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *out, *sources], cwd=_PROTO, check=True)
        made = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {_PROTO / "gen" / path.relative_to(folder): path.read_bytes() for path in made}


def _openapi() -> str:
    """Return the OpenAPI document of the year in which it was written, or of this one: it bounds years of birth."""
    stored = docs.OPENAPI.read_text(encoding="utf-8") if docs.OPENAPI.exists() else ""
    this_year = SystemClock().now().year
    texts = [docs.openapi_text(year) for year in range(this_year, _FIRST_YEAR - 1, -1)]
    return stored if stored in texts else texts[0]


def _catalogues() -> Files:
    return {CATALOGUES / f"{language}.po": words.po_bytes(language) for language in OTHERS}


def _compiled_catalogues() -> Files:
    return {CATALOGUES / f"{language}.mo": words.mo_bytes(language) for language in OTHERS}


GENERATORS = (
    Generator("proto", _wire_code, _PROTO / "gen"),
    Generator("words", _catalogues),
    # Compiled from the catalogues as they are in the tree, so they come after these.
    Generator("words", _compiled_catalogues),
    Generator("words", _page(words.DATES, words.dates_text)),
    Generator("words", _page(words.COUNTRIES, words.countries_text)),
    Generator("words", _page(words.REVIEWED, words.reviewed_text)),
    Generator("docs", _page(docs.COMMANDS_PAGE, docs.commands_page)),
    Generator("docs", _page(docs.OPENAPI, _openapi)),
    Generator("docs", _page(docs.UPGRADE_PAGE, docs.upgrade_page)),
    Generator("docs", _page(_EVENTS_PAGE, document)),
    Generator("docs", _page(operation_pages.TELEMETRY_PAGE, operation_pages.telemetry_page)),
    Generator("docs", _page(operation_pages.SETTINGS_PAGE, operation_pages.settings_page)),
    Generator("docs", _page(mapping_docs.GUIDE, mapping_docs.guide)),
    Generator("docs", _page(bridge_pages.ANNEX_PAGE, bridge_pages.annex_page)),
    Generator("docs", _pages(docs.RECORD_PAGES, lambda: dict(record_pages.pages())), docs.RECORD_PAGES),
    Generator("docs", _pages(desk_pages.DESK_PAGES, desk_pages.pages), desk_pages.DESK_PAGES),
)
GROUPS = tuple(dict.fromkeys(each.group for each in GENERATORS))


def differing(groups: Sequence[str] = GROUPS) -> Iterator[str]:
    """Yield the path of each file that is not what it is made from."""
    for generator in GENERATORS:
        if generator.group in groups:
            yield from (str(path.relative_to(PROJECT)) for path in generator.differing())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the groups that are named, or all; with `--check` return 1 where a file differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.generated", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"one of {', '.join(GROUPS)}; without one, all")
    parser.add_argument("--check", action="store_true", help="name what differs, and write nothing")
    asked = parser.parse_args(arguments)
    if unknown := sorted({*asked.groups} - {*GROUPS}):
        parser.error(f"there is no group `{unknown[0]}`: take {', '.join(GROUPS)}")
    groups = asked.groups or GROUPS
    if asked.check:
        found = list(differing(groups))
        sys.stderr.writelines([*(f"{path}\n" for path in found), *([f"these are {STALE}\n"] if found else [])])
        return int(bool(found))
    for generator in GENERATORS:
        if generator.group in groups:
            generator.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
