"""The style sheets keep what was measured: contrasts in both schemes, line heights by language, no fixed heights."""

from __future__ import annotations

import re

from gateway.console.frame.static import ASSETS, LOOK
from gateway.language import Language
from tests.support.colours import contrast
from tests.support.tables import table

SHEETS = {name: (ASSETS / "look" / f"{name}.css").read_text(encoding="utf-8") for name in LOOK}
ALL = re.sub(r"/\*.*?\*/", "", "".join(SHEETS.values()), flags=re.DOTALL)
_TOKEN = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
_GROUNDS = ("ground", "surface", "raised")
_TEXT = [
    *((ink, ground) for ink in ("ink", "ink-soft", "accent", "accent-hover") for ground in _GROUNDS),
    *((tone, f"{tone}-ground") for tone in ("danger", "warn", "done", "info", "quiet")),
    *((ink, f"{tone}-ground") for ink in ("ink", "accent") for tone in ("danger", "warn", "done", "info", "quiet")),
    *((tone, ground) for tone in ("danger", "warn", "done") for ground in _GROUNDS),
    ("on-accent", "accent"), ("on-accent", "accent-hover"), ("on-danger", "danger-solid"), ("on-head", "head"),
    ("on-head-soft", "head"), ("label", "land"), ("label", "sea"), ("label", "surface"),
]  # fmt: skip
_SHAPES = [
    *((shape, ground) for shape in ("line-strong", "focus", "accent") for ground in _GROUNDS),
    *((shape, "land") for shape in ("point", "danger", "warn", "quiet", "border")), ("border", "sea"),
    ("danger-solid", "ground") , ("on-head", "head"), ("point", "surface"),
]  # fmt: skip
LEADING = {
    Language.VI: (1.55, 1.4), Language.TH: (1.65, 1.5), Language.LO: (1.75, 1.6),
    Language.KM: (1.8, 1.65), Language.MY: (1.85, 1.7),
}  # fmt: skip
"""Of text and of headings: what ink needed in Chromium, and some more."""


def colours(sheet: str) -> list[dict[str, str]]:
    """Return the colours of the light and of the dark scheme."""
    found = _TOKEN.findall(sheet)
    return [{name: light for name, light, _ in found}, {name: dark for name, _, dark in found}]


SCHEMES = dict(zip(("light", "dark"), colours(SHEETS["tokens"]), strict=True))
MORE = {name: SCHEMES[name] | raised for name, raised in zip(SCHEMES, colours(SHEETS["print"]), strict=True)}


def test_the_ratio_is_that_of_wcag() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@table("scheme", SCHEMES)
@table(("ink", "ground"), _TEXT)
def test_text_can_be_read_on_each_ground_that_it_stands_on(scheme: str, ink: str, ground: str) -> None:
    for tokens in (SCHEMES[scheme], MORE[scheme]):
        assert contrast(tokens[ink], tokens[ground]) >= 4.5


@table("scheme", SCHEMES)
@table(("shape", "ground"), _SHAPES)
def test_shapes_that_mean_something_can_be_seen(scheme: str, shape: str, ground: str) -> None:
    for tokens in (SCHEMES[scheme], MORE[scheme]):
        if (scheme, shape) != ("dark", "danger-solid"):  # dark red on black: its text is what is read, on the red
            assert contrast(tokens[shape], tokens[ground]) >= 3


def test_high_contrast_raises_what_text_has() -> None:
    for scheme in SCHEMES:
        assert all(contrast(MORE[scheme][ink], MORE[scheme]["ground"]) >= 7 for ink in ("ink", "ink-soft", "accent"))


@table("language", LEADING)
def test_lines_are_as_high_as_the_script_needs(language: Language) -> None:
    (rule,) = re.findall(rf":lang\({language}\) \{{ (--leading[^}}]+)\}}", SHEETS["tokens"])
    values = {name: float(value) for name, value in re.findall(r"--(leading[a-z-]*): ([\d.]+)", rule)}
    text, heading = LEADING[language]
    assert values["leading"] >= text
    assert min(values.values()) >= min(heading, 1.5)
    assert values["leading-head"] >= heading


def _rules() -> list[tuple[str, str]]:
    return re.findall(r"([^{}]+)\{([^{}]*)\}", ALL)


def test_no_text_of_less_than_sixteen_points_is_bold() -> None:
    for selector, body in _rules():
        if re.search(r"font-weight: ([6-9]\d\d|bold)", body):
            assert "--small" not in body, selector
            assert not re.search(r"font-size: 0\.", body), selector


def test_nothing_cuts_tall_letters_or_leans_on_one_direction() -> None:
    for selector, body in _rules():
        for name, value in re.findall(r"([a-z-]+):\s*([^;]+)", body):
            assert name not in ("height", "max-height", "width", "letter-spacing", "float"), f"{selector}: {name}"
            assert not re.fullmatch(
                r"(margin|padding|border|inset)-(left|right|top|bottom).*|left|right|top|bottom", name
            )
            if name in ("block-size", "max-block-size"):
                assert (
                    value in ("auto", "1px")
                    or "svg" in selector
                    or "mark" in selector
                    or "input" in selector
                    or "timeline" in selector
                ), selector
            assert value not in ("left", "right")


def test_every_token_that_is_used_is_defined() -> None:
    assert set(re.findall(r"var\(--([a-z0-9-]+)", ALL)) <= set(re.findall(r"--([a-z0-9-]+):", ALL))


def test_the_look_loads_nothing_and_forces_nothing() -> None:
    assert "url(" not in ALL
    assert "@import" not in ALL
    assert "!important" not in ALL
    assert set(re.findall(r"@layer ([a-z]+) \{", ALL)) == set(re.findall(r"@layer ([^;{]+);", ALL)[0].split(", "))
