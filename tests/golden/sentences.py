"""The sentences of the program, of which none is lost by the way in which they are found."""

from __future__ import annotations

import hashlib

from tests.golden.stored import FOLDER
from tests.support.words import officer_sentences

_MOST = 32
FILE = FOLDER / "sentences.txt"


def found() -> set[str]:
    """Return the sentences that the catalogues are made of, one line each: long ones by their beginning and hash."""
    return {_line(sentence) for sentence in officer_sentences()}


def _line(sentence: str) -> str:
    text = sentence.replace("\n", " ⏎ ")
    return text if len(text) <= _MOST else f"{text[:_MOST]}… {hashlib.sha256(sentence.encode()).hexdigest()[:8]}"


def stored() -> set[str]:
    """Return the sentences of the golden file."""
    lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []
    return set(lines)


def write() -> None:
    """Add new sentences to the golden file. One that is gone stays in it until its line is taken out by hand."""
    lines = sorted(found() | stored())
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
