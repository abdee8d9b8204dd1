"""The policy engine: base and national policy decide separately, and both must allow.

Everything that is not permitted is denied: no policy that permits, a policy that forbids, a value that is on no list,
or any error while evaluating.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from gateway.model.decision import Decision, HumanRelease, Release
from gateway.model.desk.notices import NoticeType
from gateway.model.marking import Marking, ReleaseMarking, SubjectCategory
from gateway.model.names import MemberId
from gateway.model.strictness import Strictness
from gateway.recent import Recent
from policy import explain
from policy.attributes import AskAttributes, DeskAttributes, LearnAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import Bundle, load_bundle, read_files
from policy.bundle.desk import Asked, Clock, shortest
from policy.bundle.hours import night_at
from policy.bundle.limits import Quotas
from policy.cache import ALWAYS, DecisionCache, Window
from policy.engine import fields as filtering
from policy.engine.ahead import requests_ahead
from policy.engine.evaluate import Evaluator, Verdict
from policy.engine.request import Setting, ask_request, desk_request, learn_request, question_request, record_request

BASE = Path(__file__).parents[1] / "base"
"""The base policy that comes with the gateway."""

NATIONAL = Path(__file__).parents[1] / "national"
"""Worked examples of national policy, one folder for each member."""

CACHE_LIMIT = 10_000
"""Decisions that each of the five caches keeps; a decision takes 2 to 4 KB."""


AGAIN = 500
"""The most decisions of each kind that are made again after a change of policy: those used last."""


_OPENING = frozenset({NoticeType.ASK, NoticeType.ALERT, NoticeType.REPORT, NoticeType.ROOM, NoticeType.WATCH})
"""Notices that want something of the other side. What answers or ends them, or corrects or withdraws a record, must get
through: a national folder may forbid it, and need not permit it."""


ReadyPolicies: TypeAlias = Recent[tuple[bytes, MemberId], Evaluator]
"""Keeps what Cedar said ahead of policies, by hash and member. No engine decides with it, only with a copy: what
one learns from requests comes to no other."""


class PolicyEngine:
    """The policy in force. It never changes except for its caches, and is safe for several threads.

    `hash` is SHA-256 over all files that decide: base and national policy, agreements, times of retention.
    """

    def __init__(self, bundle: Bundle, member: MemberId) -> None:
        self.hash = bundle.hash
        self.member = member
        self.agreements = bundle.agreements
        self._hash_text = bundle.hash.hex()
        self.bundle = bundle
        self._evaluator = Evaluator(bundle)
        self._asks: DecisionCache[AskAttributes, Decision] = DecisionCache(CACHE_LIMIT)
        self._decisions: DecisionCache[tuple[str, QuestionAttributes], Decision] = DecisionCache(CACHE_LIMIT)
        self._releases: DecisionCache[RecordAttributes, Release] = DecisionCache(CACHE_LIMIT)
        self._notices: DecisionCache[DeskAttributes, Decision] = DecisionCache(CACHE_LIMIT)
        self._learns: DecisionCache[LearnAttributes, Decision] = DecisionCache(CACHE_LIMIT)

    @classmethod
    def load(cls, national: Path, member: MemberId, base: Path | None = None) -> PolicyEngine:
        """Return the policy of `member` in the folder `national`, over `base` (default: the one of the gateway).

        Raises `Misconfigured` naming file, line and term when any part of it cannot be used.
        """
        return cls(load_bundle(read_files(base or BASE), read_files(national), member), member)

    @property
    def quotas(self) -> Quotas:
        """Questions a day, by direction, counterpart and purpose."""
        return self.bundle.quotas

    def may_ask(self, a: AskAttributes, now_us: int) -> Decision:
        """Decide if this officer of ours may ask at all."""
        found = self._asks.get(a, now_us)
        if found is None:
            found = self._decision(*self._evaluator.verdicts(ask_request(a, self.member)), a.as_json())
            self._asks.put(a, found, ALWAYS)
        return found

    def may_send(self, a: QuestionAttributes, now_us: int) -> Decision:
        """Decide if this question of ours may go to that counterpart."""
        return self._decisions.get(("send", a), now_us) or self._question("send", a, self.member, a.counterpart, now_us)

    def may_answer(self, a: QuestionAttributes, now_us: int) -> Decision:
        """Decide if this counterpart's question may be served."""
        return self._decisions.get(("answer", a), now_us) or self._question(
            "answer", a, a.counterpart, self.member, now_us
        )

    def hides(self, a: RecordAttributes, now_us: int) -> bool:
        """Tell whether the recipient must not learn of the record; never depends on anything that the asker chooses."""
        return not self.may_learn(a, now_us).allow

    def may_learn(self, a: RecordAttributes, now_us: int) -> Decision:
        """Decide if the recipient may learn of the record. No date limits it, so the decision is kept for good."""
        key = LearnAttributes.of(a)
        found = self._learns.get(key, now_us)
        if found is None:
            found = self._decision(*self._evaluator.verdicts(learn_request(key)), {})
            self._learns.put(key, found, ALWAYS, key.recipient)
        return found

    def release(self, a: RecordAttributes, now_us: int) -> Release:
        """Decide if this record may go to the recipient, and which fields. The result must not be changed."""
        found = self._releases.get(a, now_us)
        if found is not None:
            return found
        learn = self.may_learn(a, now_us)
        if learn.allow:
            release, window = self._release(a, now_us)
        else:
            denied = replace(learn, attributes=a.as_json())
            release, window = filtering.refused(denied, a.record_type, hide=True), ALWAYS
        self._releases.put(a, release, window, a.question.counterpart)
        return release

    def shown(
        self,
        question: QuestionAttributes,
        owner: str,
        classes: Collection[tuple[str, Marking, SubjectCategory]],
        now_us: int,
    ) -> tuple[list[tuple[str, Marking, SubjectCategory]], Window]:
        """Return the classes of an owner's records of which the asker may learn, and the time in which that holds."""
        shown, window = [], ALWAYS
        for record_type, marking, category in classes:
            attributes = RecordAttributes(question, record_type, owner, marking, category)
            release = self.release(attributes, now_us)
            window &= self._releases.window(attributes, now_us)
            if not release.hide:
                shown.append((record_type, marking, category))
        return shown, window

    def may_desk(self, a: DeskAttributes, now_us: int) -> Decision:
        """Decide if this notice may go to the counterpart, or may theirs be taken."""
        found = self._notices.get(a, now_us)
        if found is None:
            author = self.member if a.ours else a.counterpart
            covers = self.agreements.covers_notice(a, author, now_us)
            at = self.setting(author, a.offence, now_us)
            base, national = self._evaluator.verdicts(desk_request(a, self.member, covers, at))
            if a.type not in _OPENING and national.silent:
                national = base
            found = self._decision(base, national, a.as_json())
            self._notices.put(a, found, covers.window & at.window, a.counterpart)
        return found

    def clock(self, asked: Asked, agreement_id: str) -> Clock:
        """Return the minutes in which a human must decide, by urgency; the agreement may shorten them."""
        agreement = self.agreements.get(agreement_id)
        clocks = self.bundle.desk.clocks
        return (shortest(clocks, agreement.clocks) if agreement else clocks).get(asked, {})

    def release_by_human(self, a: RecordAttributes, now_us: int) -> HumanRelease:
        """Return what a human may let out of this record in answer to a follow-up, and which of it takes two persons.

        The attributes are those of the follow-up: its purpose, offence, case, agreement and requester.
        """
        release = self.release(a, now_us)
        if release.with_human:
            return HumanRelease(release.decision, release.with_human, release.two)
        code = release.decision.code or explain.POLICY_DENIES
        return HumanRelease(release.decision, frozenset(), frozenset(), code, release.hide)

    def make_ready(
        self,
        before: PolicyEngine | None,
        now_us: int,
        go_on: Callable[[], bool] = lambda: True,
        known: ReadyPolicies | None = None,
    ) -> int:
        """Work ahead before the policy comes into force; return how many decisions were worked out.

        1. Cedar is asked for the possible outcomes of the policies, for each record type and query that an agreement
           covers.
        2. The latest decisions of `before`, the policy until now, are made again for `now_us`, so that coming requests
           find their decisions kept. They are kept for as long as any other ones.

        `go_on` is called after each decision: it may wait, so that other threads get their turn; False ends the work.
        `known` keeps what 1. found out of policies, and Cedar is not asked again for one that is among them.
        """
        done = 0
        for _ in self._steps(before, now_us, known):
            done += 1
            if not go_on():
                break
        return done

    def _steps(self, before: PolicyEngine | None, now_us: int, known: ReadyPolicies | None) -> Iterator[None]:
        key = self.hash, self.member
        found = known.use(self.member, key) if known is not None else None
        if found is not None:
            self._evaluator = found.copy()
        else:
            for sample, domains in requests_ahead(self.bundle, self.member):
                yield from self._evaluator.fill(sample, domains)
            if known is not None:
                known.put(self.member, key, self._evaluator.copy())
        if before is None or before.member != self.member:
            return
        for record in before._releases.recent(AGAIN):
            self.release(record, now_us)
            yield
        for action, question in before._decisions.recent(AGAIN):
            (self.may_send if action == "send" else self.may_answer)(question, now_us)
            yield
        for officer in before._asks.recent(AGAIN):
            self.may_ask(officer, now_us)
            yield

    def agreement_for(self, purpose: str, recipient: MemberId, now_us: int) -> str:
        """Return the id of an agreement in force that covers the purpose and the recipient, or an empty text."""
        return self.agreements.find(purpose, recipient, now_us)

    def agreement_to_cite(self, a: QuestionAttributes, owners: Collection[str], now_us: int) -> str:
        """Return the id of the agreement that a question of ours cites by itself, or an empty text.

        `owners` are the counterpart's agencies whose records may answer.
        """
        return self.agreements.choose(a, owners, now_us)

    def release_marking(self, marking: Marking, record_type: str, purpose: str, now_us: int) -> ReleaseMarking:
        """Return the recipient's duties. Raises `Forbidden` if no time of retention is known."""
        return self.bundle.retention.release_marking(marking, record_type, purpose, now_us)

    def strictness(self, purpose: str) -> Strictness:
        """Return the required likeness of names in a search with this purpose."""
        return self.bundle.thresholds.of(purpose)

    def _question(
        self, action: str, a: QuestionAttributes, asker: MemberId, answerer: MemberId, now_us: int
    ) -> Decision:
        covers = self.agreements.covers(a, asker, now_us)
        at = self.setting(asker, a.offence, now_us)
        request = question_request(action, a, asker, answerer, covers, at)
        decision = self._decision(*self._evaluator.verdicts(request), a.as_json())
        self._decisions.put((action, a), decision, covers.window & at.window, a.counterpart)
        return decision

    def setting(self, asker: MemberId, offence: str, now_us: int) -> Setting:
        """Return the setting of a question of `asker` at a time: the law on its offence, and true if it is night."""
        night, window = night_at(self.bundle.hours, now_us)
        return Setting(self.bundle.law.covers(asker, offence), night, window)

    def _release(self, a: RecordAttributes, now_us: int) -> tuple[Release, Window]:
        question = a.question
        covers = self.agreements.covers(question, question.counterpart, now_us)
        record = self.agreements.covers_record(question.agreement, a.record_type, a.owner)
        at = self.setting(question.counterpart, question.offence, now_us)
        window = covers.window & at.window
        request = record_request(a, self.member, covers, record, at)
        verdicts = self._evaluator.verdicts(request)
        if not all(verdict.allow for verdict in verdicts):
            decision = self._decision(*verdicts, a.as_json())
            return filtering.refused(decision, a.record_type, hide=a.quiet), window
        choice = filtering.choose(a.record_type, verdicts)
        decision = self._chosen(choice, a.as_json())
        hide = a.quiet and not decision.allow
        return filtering.released(decision, choice, hide=hide, by_two=self.bundle.desk.takes_two(a)), window

    def _chosen(self, choice: filtering.Choice, attributes: dict[str, object]) -> Decision:
        """Decide if a record that all layers permit leaves by itself, or waits for a human."""
        if choice.by_itself:
            return Decision(True, choice.policies, self._hash_text, "", attributes)
        if not choice.held:
            return Decision(False, choice.policies, self._hash_text, explain.POLICY_DENIES, attributes)
        holding = choice.holding()
        codes = {policy.code for policy in holding.values()}
        told = next((code for code in explain.PRECEDENCE if code in codes), explain.NEEDS_HUMAN)
        return Decision(False, tuple(holding), self._hash_text, told, attributes)

    def _decision(self, base: Verdict, national: Verdict, attributes: dict[str, object]) -> Decision:
        if base.allow and national.allow:
            names = tuple(dict.fromkeys(base.names + national.names))
            return Decision(True, names, self._hash_text, "", attributes)
        against = [verdict for verdict in (base, national) if not verdict.allow]
        codes = {code for verdict in against for code in verdict.codes}
        told = next((code for code in explain.PRECEDENCE if code in codes), explain.POLICY_DENIES)
        names = tuple(name for verdict in against for name in verdict.names)
        return Decision(False, names, self._hash_text, told, attributes)
