"""The second step at a node: drafts, approvals, decisions, packages, and the round that looks at the clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.rounds import UPKEEP_S, WATCH_S, Round
from gateway.config.sections.desk import Release
from gateway.desk.acting.parts import DeskParts
from gateway.desk.acting.step import StepParts
from gateway.desk.clocks import DEFAULTS, Clocks
from gateway.desk.consent.persons import ConsentPersons
from gateway.desk.delivery.effects import EffectTable, merged
from gateway.desk.evidence.deciders import HumanDesk
from gateway.desk.evidence.own_answers import HeldAnswers, OwnAnswers
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.desk.outcomes.arriving import OutcomeArrivals
from gateway.desk.outcomes.telling import HitOutcomes
from gateway.desk.people.directory import People
from gateway.desk.raising import Raising
from gateway.desk.second_step.approval import Approvals
from gateway.desk.second_step.arriving import Arrivals
from gateway.desk.second_step.deciding import Decisions
from gateway.desk.second_step.drafting import Drafting
from gateway.desk.second_step.escalation import Escalation
from gateway.desk.second_step.handing import Handing
from gateway.desk.second_step.marking import Marks
from gateway.desk.second_step.packages import Packages
from gateway.desk.second_step.release import Releases
from gateway.desk.second_step.unsettled import Unsettled
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.notices import Notice, Urgency
from gateway.model.desk.work import Role
from gateway.ports.desk import Thread
from gateway.storage.keys.references import HitReferences
from policy.bundle.desk import Asked
from policy.engine.engine import PolicyEngine

# Longer than any clock: where policy sets none, the one of the design is the shorter.
_NO_CLOCK_S = 10**9


@dataclass(frozen=True, slots=True)
class SecondStep(Brought):
    """The use cases of the second step, and its round."""

    parts: StepParts
    drafting: Drafting
    approvals: Approvals
    decisions: Decisions
    packages: Packages
    handing: Handing
    marks: Marks
    outcomes: HitOutcomes
    consents: ConsentPersons


def step_effects(core: Core) -> EffectTable:
    """Return what notices of the second step change."""
    origin = own_answers(core)
    arrivals = Arrivals(core.parts, origin, partial(_agency_for, core))
    return merged(arrivals.effects, OutcomeArrivals(origin).effects)


def build_second_step(core: Core, desk: DeskParts) -> SecondStep:
    """Put together the second step; nothing of it runs yet."""
    resources, parts = core.resources, core.parts
    it = StepParts(desk, human_desk(core), core.people.is_anybody_on_duty, partial(raised, core))
    log = resources.exchange_log.store_name
    held = HeldAnswers(core.kept, desk.searches, log)
    origin, releases = own_answers(core), Releases(parts, core.walls)
    consents = ConsentPersons(core.kept, origin, releases)
    escalation = Escalation(parts, desk.store, desk.pen, desk.author)
    packages = Packages(it)
    return SecondStep(
        it,
        Drafting(it, held),
        Approvals(it),
        Decisions(it, origin, releases, consents),
        packages,
        Handing(it, core.people),
        Marks(it, held, packages),
        HitOutcomes(it, held),
        consents,
        rounds=[
            Round("clocks of work", WATCH_S, escalation.round),
            Round("unsettled errors", UPKEEP_S, Unsettled(desk).round),
        ],
    )


def human_desk(core: Core) -> HumanDesk:
    """Return the desk that takes the evidence of humans; policy may demand a passkey where the settings do not."""

    def release() -> Release:
        found = core.resources.settings.release
        return replace(found, passkey="demanded") if core.parts.policy().bundle.desk.passkey else found

    return HumanDesk(PasskeyBook(core.parts.documents), release, lambda draft: core.parts.operations.append([draft]))


def raising_of(core: Core, thread: Thread, notice: Notice) -> Raising:
    """Return what the work of a notice that was taken is raised with."""
    here = core.people.is_anybody_on_duty(thread.agency, thread.office, Role.DUTY, core.parts.clock.now_us())
    return raised(core, notice.head.agreement, here)


def raised(core: Core, agreement: str, here: bool) -> Raising:
    """Return the clocks under an agreement; `here` tells whether somebody is on duty."""
    return Raising(clocks_under(core.parts.policy(), agreement), on_duty=here)


def clocks_under(policy: PolicyEngine, agreement: str) -> Clocks:
    """Return the clocks that policy and an agreement set; nothing lengthens those of the design."""
    hit, question = policy.clock(Asked.HIT, agreement), policy.clock(Asked.QUESTION, agreement)

    def seconds(urgency: Urgency, *told: Mapping[str, int]) -> int:
        return min((60 * clock[urgency.value] for clock in told if urgency.value in clock), default=_NO_CLOCK_S)

    told = Clocks(
        flash=seconds(Urgency.FLASH, hit, question),
        urgent=seconds(Urgency.URGENT, hit, question),
        priority=seconds(Urgency.PRIORITY, hit),
        priority_question=seconds(Urgency.PRIORITY, question),
        routine=seconds(Urgency.ROUTINE, hit, question),
    )
    return DEFAULTS.shortened(told)


def _agency_for(core: Core, wanted: str, office: str) -> str:
    owners = {wall.description.agency for wall in core.resources.walls}
    return asked_agency(core.people, owners, wanted, office, core.parts.clock.now_us())


def asked_agency(people: People, owners: Set[str], wanted: str, office: str, now_us: int) -> str:
    """Return the agency of ours whose duty officer answers a question: the one on duty in the office that it names, or
    that of its topic where it has a source or somebody on duty. An empty text leaves it to the national desk, as where
    several agencies are on duty in the office and none of them has the topic.
    """
    there = people.agencies_on_duty(office, Role.DUTY, now_us) if office else frozenset[str]()
    if wanted in there:
        return wanted
    if len(there) == 1:
        return min(there)
    is_here = wanted in owners or (wanted and people.is_anybody_on_duty(wanted, "", Role.DUTY, now_us))
    return wanted if is_here else ""


def own_answers(core: Core) -> OwnAnswers:
    """Return what finds the hits of our own answers."""
    references = HitReferences(core.resources.settings.keystore, core.resources.clock)
    return OwnAnswers(core.kept, references.resolve, partial(agency_of, core.walls))


def agency_of(walls: Sequence[Bulkhead], source: str) -> str:
    """Return the agency of one of our sources; an empty text where it is here no more."""
    return next((wall.description.agency for wall in walls if wall.description.id == source), "")
