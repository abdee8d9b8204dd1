"""The scripted lives of the desk's subjects, each told by the forms that people press at both ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from gateway.model.desk.work import WorkKind
from gateway.model.handed.work import Mark, Verdict
from tests.golden.masks import Masks, without_repeats
from tests.golden.record import Story
from tests.golden.world import ground
from tests.support.desk_rows import START_US
from tests.support.exchange import VN
from tests.support.second_step import OFFICER as HITTER
from tests.support.second_step import hit, step, works

OFFICER, OTHER, BOSS = "th.o.1042", "th.o.2000", "th.o.7"
SECURITY, HEAD = "th.o.s1", "th.o.h3"
THEIR_DUTY, THEIR_DESK, THEIR_SECURITY, KEEPER = "vn.o.d7", "vn.o.n1", "vn.o.s1", "vn.o.p1"
WHY = {"purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-0417"}


async def freeze(story: Story) -> None:
    """Two persons freeze an account and free it again; another asking is declined."""
    await story.page("no freeze", SECURITY, "/freezes")
    await story.page("a page of others", BOSS, "/freezes")
    asked = {"person": OTHER, "reason": "asked for his family"}
    await story.press("a freeze without a reason", SECURITY, "/freezes", "/freezes", **asked | {"reason": " "})
    await story.press("a freeze of oneself", SECURITY, "/freezes", "/freezes", **asked | {"person": SECURITY})
    await story.press("a freeze is asked for", SECURITY, "/freezes", "/freezes", **asked)
    path = await first_link(story, SECURITY, "/freezes", "/freezes/")
    for who, person in (("asked, by oneself", SECURITY), ("asked, by another", HEAD)):
        await story.page(who, person, path)
    await story.press("declined without a reason", HEAD, path, "/decide", do="decline", reason="")
    await story.press("declined", HEAD, path, "/decide", do="decline", reason="there is a case")
    await story.page("declined", SECURITY, path)
    await story.press("asked for again", SECURITY, "/freezes", "/freezes", **asked)
    path = await first_link(story, SECURITY, "/freezes", "/freezes/")
    await story.press("approved", HEAD, path, "/decide", do="approve")
    await story.page("frozen", SECURITY, path)
    await story.page("list", SECURITY, "/freezes")
    await story.press("lifting without a reason", HEAD, path, "/lift", reason=" ")
    await story.press("lifting", HEAD, path, "/lift", reason="explained")
    await story.page("lifting, by another", SECURITY, path)
    await story.press("lifted", SECURITY, path, "/decide", do="approve")
    await story.page("lifted", HEAD, path)
    await story.page("list when all is over", HEAD, "/freezes")


async def token(story: Story) -> None:
    """An owner issues a token for a person who was taken for another, and withdraws it."""
    world = story.ground.world
    await story.page("no work for a token", KEEPER, "/misuse")
    mark = Mark(search_id=await hit(world), peer=VN, hit=0, verdict=Verdict.NOT_SAME, reason="another birth")
    await step(world, "th").marks.mark(HITTER, mark)
    await story.step("an officer has found another person")
    (work,) = works(world.nodes["vn"], WorkKind.DISTINGUISH)
    await story.page("no token", KEEPER, "/misuse")
    await story.page("a token of this work", KEEPER, f"/misuse?work={work.id}")
    said = {"work": work.id, "documents": "P4471209 THA\n1103700123456 THA", "consent": "signed paper", "agrees": "1"}
    for what, wrong in (
        ("a token without consent", {"agrees": []}),
        ("a token for a paper of no country", {"documents": "P1"}),
        ("a token without a place of the consent", {"consent": ""}),
    ):
        await story.press(what, KEEPER, "/misuse", "/misuse", **said | wrong)
    path = await story.press("a token is issued", KEEPER, "/misuse", "/misuse", **said)
    await story.page("a token", KEEPER, path)
    await story.page("its sheet", KEEPER, f"{path}/print")
    await story.page("list", KEEPER, "/misuse")
    await story.page("a token of another agency", "vn.o.p9", path)
    await story.press("a withdrawal without why", KEEPER, path, "/withdraw", reason="x")
    await story.press("withdrawn", KEEPER, path, "/withdraw", reason="mistaken")
    await story.page("withdrawn", KEEPER, path)
    await story.page("the sheet of one that is withdrawn", KEEPER, f"{path}/print")
    await story.page("list with one that is withdrawn", KEEPER, "/misuse")


async def incident(story: Story) -> None:
    """An incident is told to all, acknowledged, told more of, and closed."""
    await story.page("no incident", SECURITY, "/incidents")
    await story.page("a page of others", BOSS, "/incidents")
    said = {"incident-code": "INCIDENT", "incident-text": "An officer token was stolen. It is revoked."}
    await story.press(
        "an incident without words", SECURITY, "/incidents", "/incidents", **said | {"incident-text": " "}
    )
    await story.press("an incident is told", SECURITY, "/incidents", "/incidents", **said)
    path = await first_link(story, SECURITY, "/incidents", "/incidents/")
    await story.page("told", SECURITY, path)
    nodes = story.ground.world.nodes
    (work,) = works(nodes["vn"], WorkKind.INCIDENT)
    there = f"/desk/work/{work.id}/matter"
    await story.page("taken", THEIR_SECURITY, there)
    await story.press("acknowledged", THEIR_SECURITY, there, "/matter", **{"matter-text": "we look, too"})
    await story.page("acknowledged, there", THEIR_SECURITY, there)
    await story.page("acknowledged", SECURITY, path)
    await story.press("more without words", SECURITY, path, path, **{"do": "more", "incident-text": ""})
    await story.press("more", SECURITY, path, path, **{"do": "more", "incident-text": "two more tokens"})
    (work,) = works(nodes["vn"], WorkKind.INCIDENT)
    await story.page("more, there", THEIR_SECURITY, f"/desk/work/{work.id}/matter")
    await story.press("closed", SECURITY, path, path, **{"do": "close", "incident-text": "all keys are new"})
    await story.page("closed", SECURITY, path)
    await story.page("list", SECURITY, "/incidents")


async def report(story: Story) -> None:
    """A report is written, declined, approved, read and objected to abroad, and withdrawn."""
    write = "/reports/write"
    await story.page("no report", OFFICER, "/reports")
    await story.page("the form", OFFICER, write)
    said = WHY | {
        "method": "Tablets are hidden under the false floor of pick-up trucks",
        "indicators": "new welds under the bed\nsmell of paint",
        "route": "mae-sai.tachilek\nเชียงราย",
        "period": "2026-03/2026-05",
        "price": "1,500,000 baht",
        "level": "OFFICIAL",
        "lang": "en",
    }
    await story.press("a report without a method", OFFICER, write, write, **said | {"method": ""})
    await story.press("a report with a person", OFFICER, write, write, **said | {"concealment": "call +66 81 234 5678"})
    await story.press("a report to be read", OFFICER, write, write, **said)
    path = await story.press("handed in", OFFICER, write, write, **said | {"step": "send"})
    for what, person in (("waits, own", OFFICER), ("waits, for approval", BOSS), ("waits, for another", OTHER)):
        await story.page(what, person, path)
    await story.press("declined without a reason", BOSS, path, "/approve", act="decline", **{"approve-words": ""})
    await story.press("declined", BOSS, path, "/approve", act="decline", **{"approve-words": "say the truck"})
    await story.page("declined", OFFICER, path)
    path = await story.press("handed in again", OFFICER, write, write, **said | {"step": "send", "price": "2 baht"})
    await story.press("approved", BOSS, path, "/approve", act="approve")
    await story.page("published", OFFICER, path)
    await story.page("library", OFFICER, "/reports?text=floor")
    await story.page("own reports", OFFICER, "/reports?list=own")
    await story.page("library abroad", THEIR_DESK, "/reports")
    there = await first_link(story, THEIR_DESK, "/reports", "/reports/")
    await story.page("read abroad", THEIR_DESK, there)
    await story.step("read abroad")
    await story.press("objected to", THEIR_DESK, there, "/object", **{"object-words": "names a person"})
    await story.page("objected to, there", THEIR_DESK, there)
    await story.page("objected to", OFFICER, path)
    await story.press("withdrawn without why", OFFICER, path, "/withdraw", why="x")
    await story.press("withdrawn", OFFICER, path, "/withdraw", why="outdated", **{"withdraw-words": "old"})
    await story.page("withdrawn", OFFICER, path)
    await story.page("withdrawn, there", THEIR_DESK, there)


async def watch(story: Story) -> None:
    """A watch on a passport is declined, approved, renewed and ended; another one ends by its clock."""
    await story.page("no watch", OFFICER, "/watches")
    said = WHY | {"kind": "document", "number": "C7700123", "issuer": "VNM", "to": "vn"}
    await story.press("a watch without a number", OFFICER, "/watches", "/watches", **said | {"number": ""})
    await story.press("a watch for nobody", OFFICER, "/watches", "/watches", **said | {"to": []})
    path = await story.press("asked for", OFFICER, "/watches", "/watches", **said)
    for what, person in (("waits, own", OFFICER), ("waits, for approval", BOSS), ("waits, for another", OTHER)):
        await story.page(what, person, path)
    await story.press("declined without a reason", BOSS, path, "/approve", act="decline", reason="")
    await story.press("declined", BOSS, path, "/approve", act="decline", reason="no case")
    await story.page("declined", OFFICER, path)
    path = await story.press("asked for again", OFFICER, "/watches", "/watches", **said)
    await story.press("approved", BOSS, path, "/approve", act="approve")
    await story.page("on", OFFICER, path)
    await story.page("list", OFFICER, "/watches")
    await story.page("from abroad", THEIR_DESK, "/watches?list=taken")
    await story.press("renewed", OFFICER, path, "/renew", needed="goes on")
    await story.page("renewed, waits", BOSS, path)
    await story.press("renewal approved", BOSS, path, "/approve", act="approve")
    await story.press("ended", OFFICER, path, "/end", ended="arrested")
    await story.page("ended", OFFICER, path)
    path = await story.press("a third one", OFFICER, "/watches", "/watches", **said | {"number": "C7700124"})
    await story.press("approved", BOSS, path, "/approve", act="approve")
    await story.later("its time is over", days=31)
    await story.page("over", OFFICER, path)
    await story.page("list of those that ended", OFFICER, "/watches?list=over")


async def alert(story: Story) -> None:
    """An alert is declined, approved, answered and met abroad, renewed and lifted; others are closed or end."""
    form, send = "/alerts/raise?kind=fugitive", "/alerts/raise"
    await story.page("no alert", OFFICER, "/alerts")
    await story.page("templates", OFFICER, send)
    await story.page("the form", OFFICER, form)
    said = WHY | {
        "name": "สมชาย ใจดี",
        "romanised": "Somchai Jaidee",
        "birth": "14.03.1985",
        "document": "P4471209",
        "issuer": "THA",
        "plate": "กข 1234",
        "province": "เชียงราย",
        "do_not": "DO_NOT_ALERT_SUBJECT",
        "action": "DISCREET_CHECK",
        "reason": "carries ketamine across the bridge",
        "to": "vn",
    }
    await story.press("an alert on nothing", OFFICER, form, send, **WHY | {"to": "vn", "reason": "x"})
    await story.press("an alert to nobody", OFFICER, form, send, **said | {"to": []})
    await story.press("an alert to be read", OFFICER, form, send, **said)
    path = await story.press("handed in", OFFICER, form, send, **said | {"step": "send"})
    for what, person in (("waits, own", OFFICER), ("waits, for approval", BOSS), ("waits, for another", OTHER)):
        await story.page(what, person, path)
    await story.press("declined without a reason", BOSS, path, "/approve", act="decline", reason="")
    await story.press("declined", BOSS, path, "/approve", act="decline", reason="too wide")
    await story.page("declined", OFFICER, path)
    path = await story.press("handed in again", OFFICER, form, send, **said | {"step": "send"})
    await story.press("approved", BOSS, path, "/approve", act="approve")
    await story.page("on", OFFICER, path)
    await story.page("list", OFFICER, "/alerts")
    await story.page("list of our own", OFFICER, "/alerts?list=own")
    await story.page("list abroad", THEIR_DUTY, "/alerts")
    there = await first_link(story, THEIR_DUTY, "/alerts", "/alerts/th/")
    await story.page("taken", THEIR_DUTY, there)
    await story.step("read abroad")
    await story.press("a code that is none", THEIR_DUTY, there, "/answer", code="NOT_EXECUTED", reason="x")
    await story.press("acknowledged", THEIR_DUTY, there, "/answer", code="ACKNOWLEDGED", note="we look")
    await story.press("an outcome in no number", THEIR_DUTY, there, "/outcome", outcome="SEIZED", grams="many")
    await story.press("an outcome", THEIR_DUTY, there, "/outcome", outcome="SEIZED", substance="ketamine", grams="1200")
    await story.page("answered, there", THEIR_DUTY, there)
    await story.page("answered", OFFICER, path)
    await story.press("renewed for too long", OFFICER, path, "/renew", lasts="99999")
    await story.press("ends sooner", OFFICER, path, "/renew", lasts="24")
    await story.press("renewed", OFFICER, path, "/renew", lasts="720")
    await story.page("renewed, waits", BOSS, path)
    await story.press("renewal approved", BOSS, path, "/approve", act="approve")
    await story.press("lifted without why", OFFICER, path, "/lift", why="x")
    await story.press("lifted", OFFICER, path, "/lift", why="no-longer-sought")
    await story.page("lifted", OFFICER, path)
    await story.page("lifted, there", THEIR_DUTY, there)
    said = WHY | {"name": "Somchai", "document": "P4471210", "issuer": "THA", "to": "vn", "reason": "x", "step": "send"}
    path = await story.press("a third one", OFFICER, form, send, **said)
    await story.press("approved", BOSS, path, "/approve", act="approve")
    await story.press("closed", OFFICER, path, "/close", outcome="ARRESTED", persons="1", about="at the bridge")
    await story.page("closed", OFFICER, path)
    path = await story.press("a fourth one", OFFICER, form, send, **said | {"lasts": "24"})
    await story.press("approved", BOSS, path, "/approve", act="approve")
    await story.later("its time is over", hours=25)
    await story.page("over", OFFICER, path)


async def room(story: Story) -> None:
    """An operation is opened, declined, approved, joined, written in and sealed."""
    form = "/operations/open"
    await story.page("no operation", OFFICER, "/operations")
    await story.page("the form", OFFICER, form)
    said = WHY | {"title": "Mekong night", "to": "vn", "template": "joint-operation", "end": "2026-12-14"}
    await story.press("an operation without a name", OFFICER, form, form, **said | {"title": ""})
    await story.press("an operation of nobody", OFFICER, form, form, **said | {"to": []})
    path = await story.press("opened", OFFICER, form, form, **said)
    await story.page("waits", OFFICER, path)
    await story.page("waits, for another", OTHER, path)
    waiting = _approval(story)
    await story.page("waits, for approval", BOSS, waiting)
    await story.press("declined", BOSS, waiting, "/approve", do="decline", **{"decline-reason": "no case"})
    await story.page("declined", OFFICER, path)
    path = await story.press("opened again", OFFICER, form, form, **said)
    await story.press("approved", BOSS, _approval(story), "/approve", do="approve")
    await story.page("invited", OFFICER, path)
    await story.page("list", OFFICER, "/operations")
    await story.page("invited, there", THEIR_DESK, path)
    await story.press("joined", THEIR_DESK, path, "/join")
    note = {"text": "a lorry", "value-what": "sighting", "value-persons": "2"}
    await story.press("an entry with a wrong number", THEIR_DESK, path, "/note", **note | {"value-persons": "many"})
    await story.press("an entry", THEIR_DESK, path, "/note", **note)
    await story.press("an outcome", THEIR_DESK, path, "/outcome", outcome="SEIZED", substance="ketamine", grams="12000")
    await story.page("on, there", THEIR_DESK, path)
    await story.page("on", OFFICER, path)
    await story.press("sealed", OFFICER, path, "/seal", act="seal", words="over")
    await story.page("sealed", OFFICER, path)
    await story.page("sealed, there", THEIR_DESK, path)
    await story.page("its pack", OFFICER, f"{path}/pack")


def _approval(story: Story) -> str:
    """Return the page on which the one operation that waits is approved."""
    (work,) = works(story.ground.world.nodes["th"], WorkKind.APPROVE)
    return f"/threads/th/{work.key.thread_id}"


async def first_link(story: Story, person: str, path: str, to: str) -> str:
    """Return the first link of a page that begins so, as a person sees it."""
    text = (await story.ground.see(person, path)).text
    (found, *_) = [part.partition('"')[0] for part in text.split('href="')[1:] if part.startswith(to)]
    return found


LIVES: Mapping[str, Callable[[Story], Awaitable[None]]] = {
    "freeze": freeze,
    "token": token,
    "incident": incident,
    "report": report,
    "alert": alert,
    "room": room,
    "watch": watch,
}


async def tell_lives(folder: Path, start_us: int = START_US) -> dict[str, dict[str, str]]:
    """Run all lives one after the other; return the texts of the pages and of what was written, by subject."""
    told: dict[str, dict[str, str]] = {"pages": {}, "lives": {}}
    async with ground(folder, start_us) as nodes:
        for name, life in LIVES.items():
            story = Story(nodes, Masks())
            await story.begin()
            await life(story)
            told["pages"][f"{name}.txt"] = without_repeats(story.pages)
            told["lives"][f"{name}.txt"] = without_repeats(story.facts)
    return told
