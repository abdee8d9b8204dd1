"""Write the fonts of the console: one file for each script and slice, and the style sheet that names them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

PACKAGES = "@fontsource-variable"
LATIN_MORE = "0100-024F,02BB-02BC,0300-030C,0323-0332,1E00-1E9F,20A0-20C0"
"""What names and their romanisations need of `latin-ext`, which has 168 KB: letters with marks, signs of currencies."""
SERVED_BY_LATIN = range(0x250)
"""The Chinese fonts hold Latin letters too; those of Noto Sans are beside all scripts, so a page loads them alone."""

_SCRIPTS = (
    ("Noto Sans", "noto-sans", ("latin", "vietnamese")),
    ("Noto Sans Thai", "noto-sans-thai", ("thai",)),
    ("Noto Sans Lao", "noto-sans-lao", ("lao",)),
    ("Noto Sans Khmer", "noto-sans-khmer", ("khmer",)),
    ("Noto Sans Myanmar", "noto-sans-myanmar", ("myanmar",)),
)
_FACE = """\
@font-face {{
  font-family: "{family}"; font-style: normal; font-weight: 100 900; font-display: swap;
  src: url("../{hash}/{name}") format("woff2");
  unicode-range: {ranges};
}}
"""


@dataclass(frozen=True, slots=True)
class Face:
    """One file of a family, and the characters that a browser fetches it for."""

    family: str
    file: Path
    name: str
    ranges: str


def write(packages: Path, to: Path) -> None:
    """Write fonts, `fonts.css` and the licences of the fonts from the unpacked packages."""
    fonts, licences = to / "fonts", to / "licences"
    for folder in (fonts, licences):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    sheet = ["/* Made by `make assets`. The fonts are under the SIL Open Font License 1.1: licences/. */\n"]
    for face in _faces(packages / PACKAGES):
        shutil.copyfile(face.file, fonts / face.name)
        sheet.append(_face(face, fonts / face.name))
    more = _latin_more(packages / PACKAGES / "noto-sans", fonts / "latin-more.woff2")
    sheet.append(_face(more, more.file))
    (to / "fonts.css").write_text("".join(sheet), encoding="utf-8")
    for package in sorted((packages / PACKAGES).iterdir()):
        shutil.copyfile(package / "LICENSE", licences / f"{package.name}.txt")


def _faces(packages: Path) -> Iterator[Face]:
    for family, package, subsets in _SCRIPTS:
        ranges = json.loads((packages / package / "unicode.json").read_text(encoding="utf-8"))
        for part in subsets:
            file = packages / package / "files" / f"{package}-{part}-wght-normal.woff2"
            yield Face(family, file, f"{part}.woff2", ranges[part])
    yield from _chinese(packages / "noto-sans-sc")


def _chinese(package: Path) -> Iterator[Face]:
    """Yield the slices of Chinese in their numbers' order; those of Latin, Vietnamese and Cyrillic are left out."""
    for key, ranges in json.loads((package / "unicode.json").read_text(encoding="utf-8")).items():
        number = key.strip("[]")
        left = _without_latin(ranges)
        if number.isdigit() and left:
            file = package / "files" / f"noto-sans-sc-{number}-wght-normal.woff2"
            yield Face("Noto Sans SC", file, f"sc-{int(number):03}.woff2", left)


def _without_latin(ranges: str) -> str:
    kept = []
    for part in ranges.upper().split(","):
        first, _, last = part.removeprefix("U+").partition("-")
        low, high = max(int(first, 16), SERVED_BY_LATIN.stop), int(last or first, 16)
        if low <= high:
            kept.append(f"U+{low:X}-{high:X}" if low < high else f"U+{low:X}")
    return ",".join(kept)


def _latin_more(package: Path, to: Path) -> Face:
    """Write the part of `latin-ext` that names need; the same versions of fonttools and brotli give the same bytes."""
    options = subset.Options(flavor="woff2", layout_features=["*"], recalc_timestamp=False, notdef_outline=True)
    wanted = {point for part in LATIN_MORE.split(",") for point in _points(part)}
    with TTFont(package / "files" / "noto-sans-latin-ext-wght-normal.woff2", recalcTimestamp=False) as font:
        held = sorted(wanted & font.getBestCmap().keys())
        cut = subset.Subsetter(options)
        cut.populate(unicodes=held)
        cut.subset(font)
        subset.save_font(font, str(to), options)
    return Face("Noto Sans", to, to.name, _ranges(held))


def _points(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)


def _ranges(points: list[int]) -> str:
    """Return ascending code points as the value of `unicode-range`."""
    spans: list[list[int]] = []
    for point in points:
        if spans and point == spans[-1][1] + 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return ",".join(f"U+{low:X}" if low == high else f"U+{low:X}-{high:X}" for low, high in spans)


def _face(face: Face, written: Path) -> str:
    digest = hashlib.sha256(written.read_bytes()).hexdigest()[:16]
    return _FACE.format(family=face.family, hash=digest, name=face.name, ranges=face.ranges)
