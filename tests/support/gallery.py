"""Show every part that pages are put together from, in each language, as a page of its own: never shipped.

`python -m tests.support.gallery FOLDER` writes pictures of it for people to look at.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

import gateway.console
import gateway.views
from gateway.console.drawings.graph import Node, link_graph
from gateway.console.drawings.region import Spot, region_map
from gateway.console.frame import shapes
from gateway.console.frame.static import StaticFiles
from gateway.console.visits.render import Frame, Person
from gateway.language import Language, tell
from gateway.language.countries import country
from gateway.language.dates import moment
from gateway.language.terms import ACTIONS, CAVEATS, NOT_EXECUTED, OFFENCES, PURPOSES, RECORD_TYPES, STATUSES, WARNINGS
from gateway.ops.console.outline import read_outline
from gateway.records.codes import crossing_points
from gateway.views.statistics import said
from gateway.views.statistics_page import Columns
from tests.support.browser import chromium
from tests.support.ports import free_port

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types liaison"
)
NAMES = (
    shapes.Text("Somchai Jaidee"),
    shapes.Text("ຈັນທະວົງ ສີສຸກ", "lo"),
    shapes.Text("นายสมชาย ใจดี ผู้ใหญ่บ้าน", "th"),
    shapes.Text("សុខ ចាន់ត្រា", "km"),
    shapes.Text("မောင်မောင် ကျော်စွာ", "my"),
    shapes.Text("Nguyễn Thị Hường", "vi"),
    shapes.Text("王小明 歐陽龍", "zh"),
)
TEMPLATES = [Path(package.__path__[0]) / "templates" for package in (gateway.console, gateway.views)]


def environment() -> Environment:
    """Return Jinja as the console sets it up."""
    made = Environment(
        loader=FileSystemLoader([*TEMPLATES, Path(__file__).with_name("gallery_pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["counted"] = said
    return made


def content(language: Language, files: StaticFiles, tail: str = "") -> Mapping[str, Any]:
    """Return what the gallery's template shows; each sentence and name ends with `tail`."""

    def word(sentence: str) -> str:
        return tell(language, sentence) + tail

    names = tuple(shapes.Text(name.text + tail, name.language) for name in NAMES)
    at = "2026-11-28T14:02:11Z"
    person, hit, no_hit = word(RECORD_TYPES["Person"]), word("hit"), word("no hit")
    silent = word("silent: this does not mean no hit")
    pressing = shapes.Clock(at, "14:30 (−9 min)", "danger")
    links = (shapes.Link("/threads/la/1", hit), shapes.Link("/desk", person))
    tags = (
        shapes.Tag(word(STATUSES["STOLEN"]), "danger"),
        shapes.Tag(word(CAVEATS["JUV"]), "warn"),
        shapes.Tag(no_hit, "done"),
        shapes.Tag(word(PURPOSES["BORDER_CHECK"]), "info"),
        shapes.Tag(silent, "quiet"),
    )
    hidden = (shapes.Hidden("key", "d3b07384"),)
    return {
        "frame": Frame(
            title=word("hit"),
            language=language,
            product="Liaison",
            member=country("th", language) + tail,
            styles=(files.href("fonts.css"), files.href("console.css")),
            navigation=tuple(
                shapes.Link(
                    f"/{key.lower()}", word(PURPOSES[key]), key == "BORDER_CHECK", 3 * (key == "INVESTIGATION"), True
                )
                for key in ("BORDER_CHECK", "INVESTIGATION", "MISSING_PERSON", "CUSTOMS_CONTROL", "AUDIT", "STATISTICS")
            ),
            person=Person("สมหญิง รักษ์ไทย", "Chiang Khong", "th"),
            hidden=hidden,
            is_trial=True,
            notices=(shapes.Banner(silent, (word("did not answer"),), "quiet", links),),
            is_reviewed=False,
            watermark=f"p-1041 · {moment(at, language)} · 7f3a-22c1",
        ),
        "word": word,
        "_": partial(tell, language),
        "names": names,
        "links": links,
        "tags": tags,
        "hidden": hidden,
        "banners": [
            shapes.Banner(word(ACTIONS["DISCREET_CHECK"]), (silent,), tone, links)
            for tone in ("danger", "warn", "done", "info")
        ],
        "alarm": (
            f"{word(WARNINGS['ARMED'])} · {word(ACTIONS['DO_NOT_ALERT_SUBJECT'])}",
            (word(ACTIONS["DISCREET_CHECK"]), names[1]),
        ),
        "rows": [
            shapes.Row(person, names, word(CAVEATS["NOTIP"]), links[:1]),
            shapes.Row(word(RECORD_TYPES["TravelDocument"]), ("P1234567",)),
        ],
        "steps": [
            shapes.Step(
                hit,
                at,
                moment(at, language),
                names[1],
                (word(ACTIONS["SPECIFIC_CHECK"]), *names[2:4]),
                ours,
                tags[:2],
                shapes.Proof("SHA-256", ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" * 2,)),
            )
            for ours in (True, False)
        ],
        "tasks": [
            shapes.Task(
                shapes.Link("/threads/la/2", word(ACTIONS["MISSING_CHILD"])), names[3:5], pressing, tags[:1], "danger"
            ),
            shapes.Task(
                shapes.Link("/threads/mm/3", word(OFFENCES["NARC"])),
                (),
                shapes.Clock(at, "3 d", "warn"),
                tags[1:3],
                "warn",
            ),
            shapes.Task(shapes.Link("/threads/kh/4", word(OFFENCES["WILD"])), names[:1], shapes.Clock(at, "7 d")),
        ],
        "lines": [
            shapes.Line(country(code, language) + tail, tag, (text,), links[:1] if code == "la" else ())
            for code, tag, text in (
                ("la", tags[0], word(ACTIONS["DISCREET_CHECK"])),
                ("mm", tags[4], word("did not answer")),
                ("kh", tags[2], word("no hit")),
                ("vn", tags[1], word(NOT_EXECUTED["minor"])),
            )
        ],
        "table": shapes.Table(
            person,
            (person, word(RECORD_TYPES["Vehicle"]), word(PURPOSES["STATISTICS"]), hit),
            tuple(
                (shapes.Cell(name, "/holders"), "กข 1234", "12,408", shapes.Cell(hit, tone="danger")) for name in names
            ),
            frozenset({2}),
        ),
        "stages": [
            shapes.Stage(word(PURPOSES["BORDER_CHECK"]), "done"),
            shapes.Stage(word(PURPOSES["INVESTIGATION"]), "now"),
            shapes.Stage(word(PURPOSES["AUDIT"])),
        ],
        "fields": [
            shapes.Field(
                "question",
                person,
                "P<LAOCHANTHAVONG",
                word(RECORD_TYPES["TravelDocument"]),
                width="question",
                kind="search",
            ),
            shapes.Field(
                "ticket",
                word(RECORD_TYPES["CaseReference"]),
                "CK-88213",
                fault=word("did not answer"),
                width="width-20",
            ),
        ],
        "area": shapes.Field("why", word(RECORD_TYPES["CaseReference"]), "", word("did not answer")),
        "options": [
            shapes.Option(
                code, word(text), word(CAVEATS["COURT"]) if code == "ARREST" else "", code == "LOCATE", code == "ARREST"
            )
            for code, text in list(ACTIONS.items())[:5]
        ],
        "buttons": [
            shapes.Button(hit, "decision", "release", "first"),
            shapes.Button(no_hit, "decision", "refuse", "danger"),
            shapes.Button(person),
        ],
        "verdicts": [
            shapes.Button(word(text), "same", text)
            for text in (STATUSES["VALID"], STATUSES["LOST"], STATUSES["UNKNOWN"])
        ],
        "map": region_map(
            read_outline(),
            word(RECORD_TYPES["BorderCrossing"]),
            list(_spots()),
            {code: country(code, language) for code in ("TH", "LA", "MM", "KH", "VN", "CN")},
            language,
        ),
        "graphs": [
            link_graph(
                person,
                [Node(str(at), names[at % 7].text, "danger" if at == 3 else "") for at in range(count)],
                [(str(at // 4), str(at)) for at in range(1, count)],
            )
            for count in (9, 45)
        ],
        "chart": Columns(
            hit,
            ["2026-09", "2026-10", "2026-11"],
            [
                (word(PURPOSES["BORDER_CHECK"]), [40, 63, 71]),
                (word(PURPOSES["INVESTIGATION"]), [12, 9, 22]),
                (silent, [2, 3, 1]),
            ],
        ),
        "bars": [(word(OFFENCES[code]), count) for code, count in (("NARC", 71), ("TIP", 40), ("WILD", 3))],
    }


def _spots() -> Iterator[Spot]:
    for at, point in enumerate(crossing_points().values()):
        if point.latitude is not None and point.longitude is not None:
            tone = ("danger", "warn", "", "quiet", "", "")[at % 6]
            yield Spot(point.sides[0].name, point.latitude, point.longitude, tone, point.sides[1].name)  # type: ignore[arg-type]


@contextmanager
def served() -> Iterator[Callable[[Language], str]]:
    """Serve the gallery on loopback, and yield the address of its page in a language."""
    files, page = StaticFiles(), environment().get_template("gallery.html")

    async def show(request: Request) -> Response:
        tail = request.query_params.get("tail", "")
        shown = page.render(**content(Language(request.path_params["language"]), files, tail))
        return HTMLResponse(shown, headers={"content-security-policy": CSP})

    routes = [Route("/assets/{hash}/{name}", files.serve), Route("/{language}", show)]
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield lambda language: f"http://127.0.0.1:{port}/{language}"
    finally:
        server.should_exit = True
        thread.join(10)


def pictures(folder: Path) -> None:
    """Write a picture of the gallery for each language, scheme and width."""
    folder.mkdir(parents=True, exist_ok=True)
    with served() as address, chromium() as browser:
        for scheme in ("light", "dark"):
            for width in (390, 820, 1280):
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                for language in Language:
                    page.goto(address(language))
                    page.screenshot(path=folder / f"{language}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    pictures(Path(sys.argv[1]))
