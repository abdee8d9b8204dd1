"""The pages that need a story first: an alert, a release that two persons decide, an answer that was opened, a mandate.

Each story is told once by the use cases or in the browser, and leaves pages that can be looked at again and again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from msgspec import structs
from playwright.sync_api import Browser

from gateway.demo.people import OFFICES
from gateway.desk.acting.parts import Actor
from gateway.desk.rooms.values import home_key
from gateway.language import Language
from gateway.model.desk.notices import OutcomeCode, OutcomeReport, ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.handed.freezes import AskFreeze
from gateway.model.handed.incidents import NewsCode, TellNews
from gateway.model.handed.tokens import HeldDocument, IssueToken
from gateway.model.handed.work import Mark, Verdict
from gateway.model.names import MemberId
from gateway.model.purpose import Offence
from gateway.model.query import NationalIdQuery
from gateway.ops.audit.verify_export import export_home
from gateway.ports.desk import Work, WorkFilter
from gateway.signing.keys import VerifyKey
from tests.support import alerts, exchange, rooms, second_step, watches
from tests.support.approving import approve_waiting
from tests.support.audited import appoint_key
from tests.support.consoles import (
    ADMINISTRATOR,
    AUDITOR,
    CLOCK,
    DATA_OFFICER,
    DUTY,
    OFFICER,
    SUPERVISOR,
    Consoles,
    Person,
    Shown,
)
from tests.support.exchange import PASSPORT
from tests.support.reports import report

_OTHER_DUTY = "d.8"
_QUESTION = "/audit/ask?question=officer"


def stories(consoles: Consoles, browser: Browser) -> Iterator[Shown]:
    """Tell all stories, and yield the pages that they leave."""
    yield from _alerts(consoles)
    yield _watch(consoles)
    yield from _reports(consoles)
    yield from _released(consoles)
    yield from _incidents(consoles)
    yield from _tokens(consoles)
    yield from _freezes(consoles)
    yield from _operation(consoles)
    yield _outcome(consoles)
    yield _for_two(consoles)
    with consoles.person(browser, f"th.{SUPERVISOR}") as person:
        yield _counted(person)
    with consoles.person(browser, f"th.{ADMINISTRATOR}") as person:
        yield examined(person)
    with consoles.person(browser, f"th.{AUDITOR}", Language.EN) as person:
        yield from _audited(consoles, person)


def _actor(member: str, name: str, role: Role, agency: str) -> Actor:
    """A person of the demo's lists."""
    made = alerts.actor(member, role, agency=agency, office=OFFICES[member])
    person = f"{member}.{name}"
    return Actor(structs.replace(made.officer, person=person), structs.replace(made.person, person=person))


def _incidents(consoles: Consoles) -> Iterator[Shown]:
    """Tell of an incident in each country: Thailand has one of its own, and work on that of Viet Nam."""
    for member, other in (("th", "vn"), ("vn", "th")):
        node = consoles.node(member)
        who = _actor(member, "x.1", Role.SECURITY_OFFICER, "police")
        command = TellNews("A token was stolen.", NewsCode.INCIDENT, to=(MemberId(other),))
        name = consoles.run(node.desk.uses.incidents.tell(who, command))
        if member == "th":
            yield Shown("incident-own", "th.x.1", f"/incidents/{name}")
    store, wanted = consoles.node("th").desk.parts.store, WorkFilter(kinds=(WorkKind.INCIDENT,), peer="vn")
    consoles.until(lambda: bool(store.works(wanted)), "the incident of Viet Nam has come")
    yield Shown("incident-taken", "th.x.1", f"/desk/work/{store.works(wanted)[0].id}/matter")


def _tokens(consoles: Consoles) -> Iterator[Shown]:
    """Have Viet Nam find that a hit of Thailand is another person, and give that person a token."""
    work = distinguishing(consoles)
    command = IssueToken(work.id, (HeldDocument("P4471209", "VNM"),), "signed paper 12/2026")
    keeper = _actor("th", DATA_OFFICER, Role.DATA_OFFICER, "police")
    made = consoles.run(consoles.node("th").desk.uses.misuse.issue(keeper, command))
    yield Shown("tokens", keeper.officer.person, f"/misuse?work={work.id}")
    yield Shown("token", keeper.officer.person, f"/misuse/{made.said.id}")
    yield Shown("token-sheet", keeper.officer.person, f"/misuse/{made.said.id}/print")


def distinguishing(consoles: Consoles) -> Work:
    """Have Viet Nam say of a hit in Thailand's records that it is another person; return Thailand's work on that."""
    th, vn = consoles.node("th"), consoles.node("vn")
    with closing(sqlite3.connect(watches.source_file(th))) as database:
        suspects = "SELECT lek_prachachon FROM bukkhon WHERE praphet = 'S' AND sathana = '1'"
        (number,) = database.execute(suspects).fetchone()
    officer = _actor("vn", OFFICER, Role.OFFICER, "immigration")
    asked = exchange.command(NationalIdQuery(number, "THA-PIN"), (exchange.TH,), offence=Offence.TIP)
    search = consoles.run(vn.asking.searches.start(officer.officer, asked))
    mark = Mark(search_id=search.id, peer="th", hit=0, verdict=Verdict.NOT_SAME, reason="another birth")
    consoles.run(vn.desk.second_step.marks.mark(officer, mark))
    wanted = WorkFilter(kinds=(WorkKind.DISTINGUISH,))
    consoles.until(lambda: bool(th.desk.parts.store.works(wanted)), "Thailand has work")
    return th.desk.parts.store.works(wanted)[-1]


def _freezes(consoles: Consoles) -> Iterator[Shown]:
    """Freeze one account, and ask for another one."""
    freezes = consoles.node("th").desk.uses.freezes
    security = _actor("th", "x.1", Role.SECURITY_OFFICER, "police")
    head = _actor("th", "n.3", Role.HEAD_OF_DESK, "police")
    name = ""
    for is_approved in (True, False):
        person = f"th.o.{CLOCK.now_us()}"  # all modules share one federation
        name = consoles.run(freezes.ask(security, AskFreeze(person, "asked for his family without a case")))
        if is_approved:
            consoles.run(approve_waiting(freezes, head, ThreadKey(MemberId("th"), name)))
            yield Shown("freeze-in-force", security.officer.person, f"/freezes/{name}")
    yield Shown("freeze-asked", head.officer.person, f"/freezes/{name}")
    yield Shown("freezes", security.officer.person, "/freezes?person=th.o.1042")


def _watch(consoles: Consoles) -> Shown:
    """Ask Viet Nam for a watch that has a hit at once."""
    own = consoles.node("th").desk.watches.own
    name = consoles.run(
        own.add(_actor("th", OFFICER, Role.OFFICER, "police"), watches.watching("vn", subject=PASSPORT))
    )
    consoles.run(approve_waiting(own, _actor("th", SUPERVISOR, Role.SUPERVISOR, "police"), name))
    return Shown("watch-own", f"th.{OFFICER}", f"/watches/{name}")


def _alerts(consoles: Consoles) -> Iterator[Shown]:
    """Raise an alert in each country; Thailand has its own, and takes that of Viet Nam."""
    for member, to, agency in (("th", "vn", "police"), ("vn", "th", "immigration")):
        own = consoles.node(member).desk.alerts.own
        author = _actor(member, OFFICER, Role.OFFICER, agency)
        name = consoles.run(own.raise_alert(author, alerts.raising(to)))
        consoles.run(approve_waiting(own, _actor(member, SUPERVISOR, Role.SUPERVISOR, agency), name))
        key = consoles.run(alerts.there(consoles.node(member), name, to))
        if member == "th":
            yield Shown("alert-own", f"th.{OFFICER}", f"/alerts/{name}")
        else:
            yield Shown("alert-taken", f"th.{DUTY}", f"/alerts/vn/{key.thread_id}")


def _reports(consoles: Consoles) -> Iterator[Shown]:
    """Publish a report of each country, and leave one that waits for its approval."""
    for member, agency in (("th", "police"), ("vn", "immigration")):
        own = consoles.node(member).desk.reports.own
        author, name = _actor(member, OFFICER, Role.OFFICER, agency), ""
        for is_approved in (True, False):
            name = consoles.run(own.publish(author, report()))
            if is_approved:
                consoles.run(approve_waiting(own, _actor(member, SUPERVISOR, Role.SUPERVISOR, agency), name))
        if member == "th":
            yield Shown("report-waiting", f"th.{SUPERVISOR}", f"/reports/{name}")
    yield Shown("reports", f"th.{OFFICER}", "/reports?place=Mae+Sai")
    yield Shown("reports-own", f"th.{OFFICER}", "/reports?list=own")
    yield Shown("report-write", f"th.{OFFICER}", "/reports/write")


def _asked(consoles: Consoles, offence: Offence) -> tuple[ThreadKey, str]:
    """Follow up a hit of Viet Nam, with approval; return the thread in Thailand and the work in Viet Nam."""
    th, officer = consoles.node("th").desk.second_step, _actor("th", OFFICER, Role.OFFICER, "police")
    search = consoles.run(second_step.hit(consoles.world, officer, query=PASSPORT, offence=offence))
    drafted = consoles.run(th.drafting.follow_up(officer, second_step.follow_up(search)))
    consoles.run(th.approvals.approve(_actor("th", SUPERVISOR, Role.SUPERVISOR, "police"), drafted.work.id))
    consoles.until(second_step.is_taken(consoles.node("th"), drafted.key), "the follow-up is taken")
    there = ThreadKey(MemberId("th"), drafted.key.thread_id)
    (work,) = second_step.works(consoles.node("vn"), WorkKind.DECIDE, key=there)
    return drafted.key, work.id


def _released(consoles: Consoles) -> Iterator[Shown]:
    """Have a record released and opened; yield its package and the printed form of its thread."""
    key, work = _asked(consoles, Offence.MONEY)
    duty, there = _actor("vn", DUTY, Role.DUTY, "immigration"), ThreadKey(MemberId("th"), key.thread_id)
    command = Decide(work=work, answer=ReplyCode.RELEASED, reason="the same passport")
    consoles.run(consoles.node("vn").desk.second_step.decisions.decide(duty, command))
    consoles.until(second_step.is_taken(consoles.node("vn"), there), "the answer is taken")
    officer = _actor("th", OFFICER, Role.OFFICER, "police")
    consoles.run(consoles.node("th").desk.second_step.packages.open(officer, key))
    path = f"/threads/vn/{key.thread_id}"
    yield Shown("package", officer.officer.person, f"{path}/package")
    yield Shown("printed-form", officer.officer.person, f"{path}/form")


def _for_two(consoles: Consoles) -> Shown:
    """Have one person decide what two must; the page is the second one's."""
    _, work = _asked(consoles, Offence.SCAM)
    duty = _actor("vn", DUTY, Role.DUTY, "immigration")
    command = Decide(work=work, answer=ReplyCode.RELEASED, reason="the same passport")
    consoles.run(consoles.node("vn").desk.second_step.decisions.decide(duty, command))
    return Shown("second-decision", f"vn.{_OTHER_DUTY}", f"/desk/work/{work}/sign")


def _operation(consoles: Consoles) -> Iterator[Shown]:
    """Open an operation with Viet Nam, which joins it; both write an entry, and Thailand reports an outcome."""
    th, vn = consoles.node("th").desk.rooms.rooms, consoles.node("vn").desk.rooms.rooms
    officer, supervisor = (
        _actor("th", OFFICER, Role.OFFICER, "police"),
        _actor("th", SUPERVISOR, Role.SUPERVISOR, "police"),
    )
    room = consoles.run(th.open(officer, rooms.opening("vn")))
    consoles.run(approve_waiting(th, supervisor, home_key(MemberId("th"), room)))
    consoles.run(rooms.joined(consoles.node("vn"), room))
    consoles.run(th.note(rooms.desk_of("th"), room, rooms.note("The first boats are out.", vehicles="3")))
    consoles.run(vn.note(rooms.desk_of("vn"), room, rooms.note("ถึงแล้ว")))
    consoles.run(
        th.outcome(rooms.desk_of("th"), room, OutcomeReport(OutcomeCode.SEIZED, "methamphetamine", grams=12_000))
    )
    consoles.until(lambda: len(rooms.said(consoles.node("th"), room)) >= 2, "the entry of Viet Nam has come")
    yield Shown("operation", f"th.{OFFICER}", f"/operations/{room}")
    yield Shown("operation-open", f"th.{OFFICER}", "/operations/open")
    yield Shown("operation-pack", f"th.{OFFICER}", f"/operations/{room}/pack")


def _outcome(consoles: Consoles) -> Shown:
    """Confirm a hit, so that the officer is asked what came of it; yield the page of that work."""
    node, officer = consoles.node("th"), _actor("th", OFFICER, Role.OFFICER, "police")
    search = consoles.run(second_step.hit(consoles.world, officer, query=PASSPORT))
    command = Mark(search_id=search, peer="vn", hit=0, verdict=Verdict.SAME, reason="the national id")
    consoles.run(node.desk.second_step.marks.mark(officer, command))
    wanted = WorkFilter(kinds=(WorkKind.OUTCOME,), threadless=True)
    return Shown(
        "outcome-asked", officer.officer.person, f"/desk/work/{node.desk.parts.store.works(wanted)[0].id}/outcome"
    )


def _counted(person: Person) -> Shown:
    """Have the figures of this month counted."""
    page = person.open("/figures")
    page.locator("#figures form button.first").click()
    page.locator("#figures h2").first.wait_for(timeout=60_000)
    return Shown("figures", person.id, "/figures")


def examined(person: Person) -> Shown:
    """Have the node examined, and wait for what the doctor says."""
    page = person.open("/admin")
    page.locator("input[value=doctor] ~ * button, form:has(input[value=doctor]) button").first.click()
    page.locator("#admin section:nth-of-type(2)").wait_for(timeout=60_000)
    return Shown("admin-job", person.id, "/admin/jobs/doctor")


def _audited(consoles: Consoles, person: Person) -> Iterator[Shown]:
    """Appoint the auditor's passkey; ask what an officer did, and open the first entry."""
    device = person.give_passkey()
    appoint_key(consoles.world.federation[person.member], VerifyKey.admit(device.spki), person.id)
    consoles.until(lambda: person.open(_QUESTION).locator("#officer").count() == 1, "the mandate is in force")
    page = person.page
    page.fill("#officer", f"th.{OFFICER}")
    page.fill("#reason", "complaint 7")
    page.locator("main form button.first").click()
    _sign(person, "found")
    yield Shown("audit-ask", person.id, _QUESTION)
    yield Shown("audit-exports", person.id, "/audit/exports")
    yield Shown("audit-found", person.id, page.url.removeprefix(person.origin))
    page.locator("tbody a").first.click()
    yield Shown("audit-open", person.id, page.url.removeprefix(person.origin))
    page.locator("main form button.first").click()
    _sign(person, "opened")
    yield Shown("audit-opened", person.id, page.url.removeprefix(person.origin))
    home = consoles.world.home(person.member)
    own = home / "exports" / "th-export"
    if not own.exists():  # all languages share one federation
        own.parent.mkdir(exist_ok=True)
        export_home(home, own, 0, 0, None, lambda _done, _all: None)
    yield Shown("audit-check", person.id, "/audit/check")


def _sign(person: Person, then: str) -> None:
    person.page.get_by_role("button", name="Sign with your passkey").click()
    person.page.wait_for_url(f"**/audit/{then}/**")
