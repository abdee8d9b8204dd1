"""Find citations in code, tests and documents of parts of `docs/`, and those that lead nowhere.

=========================================  =====================================================================
``CASE-B12``, ``CASE-E``, ``THREAT-T16``   a case, a group of cases, a promise; ``INVARIANT-1``
``DUTY-L24``                               a duty of the log
``FACT-13``, ``MEASURED-6``                what was measured or looked up before the design
``RULE-MARKING-1``, ``RULE-NAMES-3``       a rule of the domain
``design, section 7``                      a section of `docs/design.md`; so do ``design, sections 8 and 9``
``domain, section 3.1``                    a section of `docs/domain.md`
``decision 0012``                          a record in `docs/decisions`; so do ``decisions 0006 and 0016``
=========================================  =====================================================================

An id is defined once, by an anchor in a document: ``<a id="CASE-B12"></a>CASE-B12``. A range names its two ends. A
test is named after its case (`test_b12_…`, `test_check_5_g1_…`) or its duty (`test_duty_l24_…`): a citation, too.

What remains of older forms is found, too: papers outside the repository (`threats.md`), and codes without their kind
(`K5`) in comments, docstrings and documents. Any other code is in backticks.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_FOLDERS = ("gateway", "adapters", "bridges", "policy", "certs", "proto", "tests", "deploy", "docs")
_SUFFIXES = {".py", ".proto", ".md", ".toml", ".cedar", ".c", ".h"}
# Generated code, published vectors, and the modules that speak of citations as such.
_APART = {"proto/gen", "tests/support/vectors"}
_ABOUT_CITATIONS = {"citations.py", "test_citations.py"}

_KINDS = "CASE|DUTY|THREAT|FACT|MEASURED|RULE|INVARIANT"
_ANCHOR = re.compile(rf'<a id="((?:{_KINDS})-[^"]*)"></a>')
_ID = re.compile(rf"(?<![\w\"-])(?:{_KINDS})-[A-Z0-9]+(?:-[A-Z0-9]+)*")
# White space, also where a line of a comment ends between two words.
_GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:(?:#:?|//+|\*)[ \t]*)?)"
_AND = rf"(?:,{_GAP}|{_GAP}(?:and|to|or){_GAP})"
_NUMBER = r"\d+(?:\.\d+)?"
_SECTION = re.compile(rf"\b([Dd]esign|[Dd]omain),?{_GAP}sections?{_GAP}({_NUMBER}(?:{_AND}{_NUMBER})*)\b")
_DECISION = re.compile(rf"\b[Dd]ecisions?{_GAP}(\d+(?:{_AND}\d+)*)\b")
_HEADING = re.compile(rf"^#{{2,3}} ({_NUMBER})\.? ", re.MULTILINE)

_TEST_OF_A_CASE = re.compile(r"\bdef test_(?:check_\d+_)?((?:(?:to_)?[a-m]\d{1,2}_)+)")
_TEST_OF_A_DUTY = re.compile(r"\bdef test_duty_(l\d+)_")

_PAPERS = "threats|domain|limits|design|dependencies|desk|console|operation|processes|style"
_PAPER = re.compile(rf"(?<![\w/.-])(?<!\]\()(?:{_PAPERS})\.md\b|\bshared/[\w/]+\.md\b")
_BARE = re.compile(r"(?:(?<=\"\"\")|(?<![\w`'\"./=#&-]))[A-M]\d{1,2}(?![\w`'\"-])")
_WORD = re.compile(r"\b(?:[Ff]acts? \d{1,2}|[Gg]roups? [A-M])\b")
_CODE_IN_A_PAGE = re.compile(r"^```.*?^```|``.*?``|`[^`\n]*`|<[^>]*>", re.MULTILINE | re.DOTALL)


def defined(root: Path = ROOT) -> dict[str, list[str]]:
    """Return every id that the documents define, with the pages that define it."""
    found: dict[str, list[str]] = {}
    for page in sorted((root / "docs").rglob("*.md")):
        for name in _ANCHOR.findall(page.read_text(encoding="utf-8")):
            found.setdefault(name, []).append(page.relative_to(root).as_posix())
    return found


def find_unresolved(root: Path = ROOT) -> list[str]:
    """Return a line for each citation that leads nowhere or has an older form, and each id that is defined twice."""
    ids = defined(root)
    found = [f"{', '.join(pages)}: `{name}` is defined {len(pages)} times" for name, pages in ids.items() if pages[1:]]
    targets = _Targets(root, set(ids))
    for path in cited_files(root):
        text = path.read_text(encoding="utf-8")
        places = [*targets.missing(text), *_older(path, text)]
        if path.suffix == ".py":
            places += targets.missing_of_tests(text)
        name = path.relative_to(root).as_posix()
        found += [f"{name}:{text.count(chr(10), 0, at) + 1}: {what}" for at, what in sorted(places)]
    return found


def cited_files(root: Path = ROOT) -> Iterator[Path]:
    """The files in which citations are looked for."""
    candidates = [path for folder in _FOLDERS for path in sorted((root / folder).rglob("*"))]
    for path in [*sorted(root.glob("*.md")), *candidates]:
        name = path.relative_to(root).as_posix()
        apart = path.name in _ABOUT_CITATIONS or any(name.startswith(f"{folder}/") for folder in _APART)
        if path.suffix in _SUFFIXES and not apart and path.is_file():
            yield path


class _Targets:
    """The documents' ids and sections, which can be cited."""

    def __init__(self, root: Path, ids: set[str]) -> None:
        self._ids = ids
        self._sections = {
            name: set(_HEADING.findall((root / "docs" / f"{name}.md").read_text(encoding="utf-8")))
            for name in ("design", "domain")
            if (root / "docs" / f"{name}.md").is_file()
        }
        self._decisions = {path.name[:4] for path in (root / "docs" / "decisions").glob("[0-9]*.md")}

    def missing(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the place and the text of each citation that leads nowhere."""
        for match in _ID.finditer(text):
            if match[0] not in self._ids:
                yield match.start(), f"`{match[0]}` is defined nowhere"
        for match in _SECTION.finditer(text):
            for number in re.findall(_NUMBER, match[2]):
                if number not in self._sections.get(match[1].lower(), set()):
                    yield match.start(), f"`docs/{match[1].lower()}.md` has no section {number}"
        for match in _DECISION.finditer(text):
            for number in re.findall(r"\d+", match[1]):
                if number not in self._decisions:
                    yield match.start(), f"there is no decision `{number}` (four digits)"

    def missing_of_tests(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the place of each test that is named after a case or a duty that does not exist."""
        for match in _TEST_OF_A_CASE.finditer(text):
            for code in re.findall(r"[a-m]\d+", match[1]):
                if f"CASE-{code.upper()}" not in self._ids:
                    yield match.start(), f"a test is named after `CASE-{code.upper()}`, which is defined nowhere"
        for match in _TEST_OF_A_DUTY.finditer(text):
            if f"DUTY-{match[1].upper()}" not in self._ids:
                yield match.start(), f"a test is named after `DUTY-{match[1].upper()}`, which is defined nowhere"


def _older(path: Path, text: str) -> Iterator[tuple[int, str]]:
    for match in _PAPER.finditer(text):
        yield match.start(), f"`{match[0]}` is a paper outside the repository"
    if path.suffix == ".py":
        prose = prose_of(text)
    elif path.suffix == ".md":
        hidden = _CODE_IN_A_PAGE.sub(lambda match: re.sub(r"[^\n]", "`", match[0]), text)
        prose = [(0, hidden)]
    else:
        return
    for start, part in prose:
        for match in _BARE.finditer(part):
            yield start + match.start(), f"`{match[0]}` does not say of what: a case, a duty, an invariant"
        for match in _WORD.finditer(part):
            yield start + match.start(), f"`{match[0]}` is an older form: `FACT-13`, `CASE-E`"


def prose_of(source: str) -> list[tuple[int, str]]:
    """Comments and docstrings of a module (also those of attributes), each with its place in the text."""
    lines = [0, *(match.end() for match in re.finditer("\n", source))]
    encoded = source.splitlines(keepends=True)

    def place(row: int, column: int) -> int:
        # `ast` counts bytes.
        return lines[row - 1] + len(encoded[row - 1].encode()[:column].decode())

    found = [
        (lines[token.start[0] - 1] + token.start[1], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            value = node.value
            start = place(value.lineno, value.col_offset)
            found.append((start, source[start : place(value.end_lineno or 0, value.end_col_offset or 0)]))
    return sorted(found)


if __name__ == "__main__":
    unresolved = find_unresolved(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
    print("\n".join(unresolved))
    print(f"{len(unresolved)} unresolved")
    sys.exit(1 if unresolved else 0)
