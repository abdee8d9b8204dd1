"""`/v1/threads` and `/v1/work`: follow-ups and questions, their approval and decision, and what comes of them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec.structs import replace

from gateway.agency.bodies.openapi import body_of
from gateway.agency.bodies.wrong_bodies import read_body
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.asks import (
    CONFIRM,
    FOLLOW_UP,
    MARK,
    QUESTION,
    REASONS,
    AskBody,
    DraftedBody,
    MarkedBody,
)
from gateway.agency.desk.bodies import DECIDE, HIT_OUTCOME, OUTCOME, PASS_ON, REACT, REASON, SIGN
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.packages import (
    CHOICE,
    DECIDED,
    PackageBody,
    choice_body,
    decided_body,
    package_body,
)
from gateway.agency.desk.responses import ApprovedBody, ThreadBody, approved_body, thread_body
from gateway.agency.desk.routes import CHANGED, Peer, ThreadId, WorkId, brought, desk_of
from gateway.clock import rfc3339
from gateway.desk.second_step.drafting import Drafted
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.handed.asks import with_files
from gateway.signing.passkeys.assertion import Assertion, browser_assertion


def step_routes() -> APIRouter:
    """Return the routes of the second step."""
    router = APIRouter()
    router.include_router(_work(), prefix="/work")
    router.include_router(_threads(), prefix="/threads")
    return router


def _work() -> APIRouter:
    router = APIRouter(route_class=OnceRoute)

    @router.post("/{work_id}/approve", response_model=ApprovedBody, responses=CHANGED)
    async def approve(request: Request, work_id: WorkId) -> Response:
        """Approve what a colleague wants to send: it leaves. Never one's own."""
        officer, desk = officer_of(request), desk_of(request)
        item = await desk.queue.work(officer, work_id)
        closed = await desk.approve(desk.actor(officer), item)
        after = await desk.reading.after(item.work.key)
        return shown(approved_body(after, closed, language_of(request)), request)

    @router.post("/{work_id}/decline", response_model=ThreadBody, responses=CHANGED, openapi_extra=REASON.documented)
    async def decline(request: Request, work_id: WorkId) -> Response:
        """Decline what a colleague wants to send: nothing leaves."""
        officer, desk = officer_of(request), desk_of(request)
        reason = REASON.read(await json_body(request), "bad-approval").reason
        item = await desk.queue.work(officer, work_id)
        await desk.decline(desk.actor(officer), item, reason)
        return await _thread(request, item.work.key)

    @router.post("/{work_id}/choice", response_model=CHOICE, responses=CHANGED)
    async def choose(request: Request, work_id: WorkId) -> Response:
        """Return the record that an ask is about, what was wanted of it, and what policy allows a human to release."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.decisions.choice(desk.actor(officer), work_id)
        await desk.reading.note(officer, found.matter.work.key, "choice")
        return shown(choice_body(found), request)

    @router.post("/{work_id}/decide", response_model=DECIDED, responses=CHANGED, openapi_extra=DECIDE.documented)
    async def decide(request: Request, work_id: WorkId) -> Response:
        """Decide on an ask: release (field by field), ask back, refuse. `state` says whether it is sent, or waits."""
        officer, desk = officer_of(request), desk_of(request)
        form, ids = DECIDE.read_with_files(await json_body(request), "bad-decision", work=work_id)
        actor = desk.actor(officer)
        files = await brought(desk, actor, ids)
        decided = await desk.decisions.decide(actor, replace(form, attachments=files))
        return shown(decided_body(decided), request)

    @router.post("/{work_id}/sign", response_model=DECIDED, responses=CHANGED, openapi_extra=SIGN.documented)
    async def sign(request: Request, work_id: WorkId) -> Response:
        """Give a decision to a reply that waits for it: as the second person, or with a passkey's assertion."""
        officer, desk = officer_of(request), desk_of(request)
        form = SIGN.read(await json_body(request), "bad-decision")
        said: Assertion | None = browser_assertion(form.assertion) if form.assertion is not None else None
        decided = await desk.decisions.sign(desk.actor(officer), work_id, form.reason, said)
        return shown(decided_body(decided), request)

    @router.post("/{work_id}/challenge", response_model=DECIDED, responses=CHANGED)
    async def challenge(request: Request, work_id: WorkId) -> Response:
        """Return the challenge of a reply that waits for the caller's passkey."""
        officer, desk = officer_of(request), desk_of(request)
        decided = await desk.decisions.challenge(desk.actor(officer), work_id)
        return shown(decided_body(decided), request)

    @router.post("/{work_id}/pass-on", response_model=ThreadBody, responses=CHANGED, openapi_extra=PASS_ON.documented)
    async def pass_on(request: Request, work_id: WorkId) -> Response:
        """Move work to another agency of ours, with its clock as it is; the counterpart is not told."""
        officer, desk = officer_of(request), desk_of(request)
        form = PASS_ON.read(await json_body(request), "bad-assignment")
        moved = await desk.handing.pass_on(desk.actor(officer), work_id, form.agency, form.reason)
        return await _thread(request, moved.key)

    @router.post("/{work_id}/confirm", response_model=MarkedBody, responses=CHANGED, openapi_extra=CONFIRM.documented)
    async def confirm(request: Request, work_id: WorkId) -> Response:
        """Say whether what was shown is the same person or thing; of another one its owner is told, in a thread."""
        officer, desk = officer_of(request), desk_of(request)
        form = CONFIRM.read(await json_body(request), "bad-confirmation", work=work_id)
        await desk.queue.work(officer, work_id)
        key = await desk.marks.confirm(desk.actor(officer), form, once_id(request))
        told = MarkedBody(verdict=form.verdict, thread=key.thread_id if key is not None else "")
        return shown(told, request)

    @router.post("/{work_id}/outcome", response_model=ThreadBody, responses=CHANGED, openapi_extra=OUTCOME.documented)
    async def answer_outcome(request: Request, work_id: WorkId) -> Response:
        """Answer the question for the outcome of a hit of a search; its owner is told, in a thread."""
        officer, desk = officer_of(request), desk_of(request)
        form = OUTCOME.read(await json_body(request), "bad-outcome")
        await desk.queue.work(officer, work_id)
        key = await desk.outcomes.answer(desk.actor(officer), work_id, form)
        return await _thread(request, key)

    @router.post("/{work_id}/acknowledge", response_model=ThreadBody, responses=CHANGED, openapi_extra=REACT.documented)
    async def acknowledge(request: Request, work_id: WorkId) -> Response:
        """Tell the owner of an alert what becomes of it here; ACKNOWLEDGED joins an operation, CANNOT leaves it."""
        officer, desk = officer_of(request), desk_of(request)
        form = REACT.read(await json_body(request), "bad-reaction")
        item = await desk.queue.work(officer, work_id)
        key = item.work.key
        if item.kind is ThreadKind.ROOM:
            await desk.rooms.answer(desk.actor(officer), key, form.answer, form.text)
        else:
            await desk.taken_alerts.tell(desk.actor(officer), key, form.answer, form.reason, form.text)
        return await _thread(request, key)

    return router


def _threads() -> APIRouter:
    router = APIRouter(route_class=OnceRoute)

    @router.post(
        "",
        status_code=202,
        response_model=DraftedBody,
        responses=CHANGED,
        openapi_extra=body_of(AskBody),
    )
    async def ask(request: Request) -> Response:
        """Draft a follow-up to a hit, a question or a form; a supervisor approves it before it leaves."""
        officer, desk = officer_of(request), desk_of(request)
        body = read_body(AskBody, await json_body(request), "bad-ask").root
        actor, thread_id = desk.actor(officer), once_id(request)
        if isinstance(body, FOLLOW_UP.model):
            follow, ids = FOLLOW_UP.made(body)
            files = await brought(desk, actor, ids)
            drafted = await desk.drafting.follow_up(actor, with_files(follow, files), thread_id)
        else:
            question, ids = QUESTION.made(body)
            files = await brought(desk, actor, ids)
            question = question if body.about == "form" else replace(question, form="")
            drafted = await desk.drafting.question(actor, with_files(question, files), thread_id)
        return shown(drafted_body(drafted), request, 202)

    @router.post("/marks", response_model=MarkedBody, responses=CHANGED, openapi_extra=MARK.documented)
    async def mark(request: Request) -> Response:
        """Say of a hit whether it is the same person or thing; of another one its owner is told, in a thread."""
        officer, desk = officer_of(request), desk_of(request)
        form = MARK.read(await json_body(request), "bad-confirmation")
        key = await desk.marks.mark(desk.actor(officer), form, once_id(request))
        told = MarkedBody(verdict=form.verdict, thread=key.thread_id if key is not None else "")
        return shown(told, request)

    @router.post("/outcomes", response_model=ThreadBody, responses=CHANGED, openapi_extra=HIT_OUTCOME.documented)
    async def hit_outcome(request: Request) -> Response:
        """Tell the owner of a hit what came of it, in a thread of its own; the same hit has one thread."""
        officer, desk = officer_of(request), desk_of(request)
        form = HIT_OUTCOME.read(await json_body(request), "bad-outcome")
        key = await desk.outcomes.tell(desk.actor(officer), form)
        return await _thread(request, key)

    @router.post("/{thread_id}/open", response_model=PackageBody, responses=CHANGED)
    async def open_package(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Open the newest answer with its records, once the entry of the opening is durable; the owner is told."""
        officer, desk = officer_of(request), desk_of(request)
        key = await desk.reading.key(officer, thread_id, peer)
        found = await desk.packages.open(desk.actor(officer), key)
        return shown(package_body(found), request)

    @router.post("/{thread_id}/clarify", response_model=ThreadBody, responses=CHANGED, openapi_extra=REASONS.documented)
    async def clarify(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Answer a question back: the ask again, with other words. The owner's clock goes on."""
        officer, desk = officer_of(request), desk_of(request)
        form, ids = REASONS.read_with_files(await json_body(request), "bad-ask")
        key = await desk.reading.key(officer, thread_id, peer)
        actor = desk.actor(officer)
        files = await brought(desk, actor, ids)
        await desk.packages.clarify(actor, key, replace(form, attachments=files))
        return await _thread(request, key)

    @router.post("/{thread_id}/withdraw", response_model=ThreadBody, responses=CHANGED, openapi_extra=REASON.documented)
    async def withdraw(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Withdraw an ask that is not answered yet, or take back one that is not approved yet."""
        officer, desk = officer_of(request), desk_of(request)
        reason = REASON.read(await json_body(request), "bad-withdrawal").reason
        key = await desk.reading.key(officer, thread_id, peer)
        is_draft = (await desk.reading.after(key)).state is ThreadState.NEW
        act = desk.approvals.take_back if is_draft else desk.packages.withdraw
        await act(desk.actor(officer), key, reason)
        return await _thread(request, key)

    @router.post("/{thread_id}/outcome", response_model=ThreadBody, responses=CHANGED, openapi_extra=OUTCOME.documented)
    async def outcome(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Tell the counterpart what came of its answer or its alert."""
        officer, desk = officer_of(request), desk_of(request)
        form = OUTCOME.read(await json_body(request), "bad-outcome")
        key = await desk.reading.key(officer, thread_id, peer)
        kind = (await desk.reading.after(key)).thread.kind
        if kind is ThreadKind.ALERT:
            await desk.taken_alerts.report(desk.actor(officer), key, form)
        elif kind is ThreadKind.OUTCOME:
            await desk.outcomes.again(desk.actor(officer), key, form)
        else:
            await desk.packages.tell_outcome(desk.actor(officer), key, form)
        return await _thread(request, key)

    @router.post("/{thread_id}/not-same", response_model=ThreadBody, responses=CHANGED, openapi_extra=REASON.documented)
    async def not_same(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Tell the owner of an opened answer that it is about another person or thing."""
        officer, desk = officer_of(request), desk_of(request)
        reason = REASON.read(await json_body(request), "bad-confirmation").reason
        key = await desk.reading.key(officer, thread_id, peer)
        await desk.packages.not_same(desk.actor(officer), key, reason)
        return await _thread(request, key)

    return router


async def _thread(request: Request, key: ThreadKey) -> Response:
    """Return the thread as it stands after an act, without content."""
    language = language_of(request)
    return shown(thread_body(await desk_of(request).reading.after(key), language), request)


def drafted_body(drafted: Drafted) -> DraftedBody:
    """Return a draft with the work of its approval."""
    work = drafted.work
    return DraftedBody(
        thread=drafted.key.thread_id,
        peer=drafted.key.peer,
        work=work.id,
        due=rfc3339(work.due_us),
        approver=work.role.value,
    )
