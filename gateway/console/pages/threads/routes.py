"""The routes of threads at the desk."""

from __future__ import annotations

from starlette.routing import Route

from gateway.console.frame.navigation import WORKERS
from gateway.console.pages.threads.decision import DecisionPages
from gateway.console.pages.threads.doing import ThreadActs
from gateway.console.pages.threads.files import FilePages
from gateway.console.pages.threads.follow_up import PATH as FOLLOW_UP
from gateway.console.pages.threads.follow_up import FollowUpPages
from gateway.console.pages.threads.package import PackagePages
from gateway.console.pages.threads.page import ThreadPages
from gateway.console.pages.threads.question import ASKERS, QuestionPages
from gateway.console.pages.threads.signing import SigningPages
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts
from gateway.model.desk.work import Role

_THREAD = "/threads/{peer}/{thread}"
_WORK = "/desk/work/{work}"


def threads_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of threads, of work on them, and of what can be asked."""
    pages = ThreadPages(parts)
    acts, files = ThreadActs(parts, pages), FilePages(parts)
    decisions, signing, follow_ups, questions = (
        DecisionPages(parts),
        SigningPages(parts),
        FollowUpPages(parts),
        QuestionPages(parts),
    )
    return [
        door.get(_THREAD, pages.show, WORKERS),
        door.get(f"{_THREAD}/events", pages.follow, WORKERS),
        door.get(f"{_THREAD}/files", files.show, WORKERS),
        door.upload(f"{_THREAD}/files", files.send, WORKERS),
        door.get(f"{_THREAD}/files/{{root}}", files.save, WORKERS),
        door.get(f"{_THREAD}/package", PackagePages(parts).show, WORKERS),
        door.get(f"{_THREAD}/form", questions.printed, WORKERS),
        *(door.post(f"{_THREAD}/{name}", acts.of_thread(act), WORKERS) for name, act in acts.on_thread.items()),
        door.get(f"{_WORK}/decide", decisions.show, WORKERS),
        door.upload(f"{_WORK}/decide", decisions.decide, WORKERS),
        door.get(f"{_WORK}/sign", signing.show, WORKERS),
        door.post(f"{_WORK}/sign", signing.sign, WORKERS),
        *(door.post(f"{_WORK}/{name}", acts.of_work(act), WORKERS) for name, act in acts.on_work.items()),
        door.get(FOLLOW_UP, follow_ups.show, (Role.OFFICER,)),
        door.upload(FOLLOW_UP, follow_ups.ask, (Role.OFFICER,)),
        door.get("/ask", questions.choose, ASKERS),
        door.get("/ask/{what}", questions.show, ASKERS),
        door.upload("/ask/{what}", questions.ask, ASKERS),
    ]
