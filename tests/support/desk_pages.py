"""The pages in `docs/desk`, from the tables of the desk (`make generated`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.audit.acts.desk_acts import DESK_ACTS, Needs
from gateway.audit.acts.table import ACTS
from gateway.audit.acts.table import Rule as ActRule
from gateway.clock import SECOND_US
from gateway.desk.acts import Act
from gateway.desk.clocks import DEFAULTS, ESCALATION
from gateway.desk.fold import CROSSED, LIMIT, RESERVE, RULES, SETTLED_US, UNANSWERED_US, Rule
from gateway.desk.raising import ENDED_BY, End
from gateway.desk.roles import CONTENTLESS, TABLE
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from tests.support.shared import PROJECT

DESK_PAGES = PROJECT / "docs" / "desk"

_PERSONS = """\
# How many persons an act needs

Made from the tables in `gateway/audit/acts` by `make docs`; a test fails when they differ from the program.

## At the desk

An act that is not in this table is not done. What *asks* has no effect before another person has done the act that
*approves* it, with the rights that this needs ([roles](roles.md)); whoever asked never approves. The entry of an
approval names both. An act of one person that would make more of what two approved (longer, more readers, other
content or handling, in force again) is refused (`persons-needed`), whatever it is.

"""

_SIGNED = """
## By keys, tokens and the machine's account

Persons sign with keys that the descriptor lists. Keys of one person count as one, whatever their files are called.

"""

_STATES = f"""\
# States of threads

Made from the table in `gateway/desk/fold.py` by `make docs`; a test fails when it differs from the program.

A thread has two sides: the *opener* wrote its first notice, the *other* is the counterpart. A notice that the table
does not have in the state that its author saw is refused `not-now`. `overdue` and `expired` are made by the clock from
the states here, and change nothing of what may be said. What crossed with a newer word of the opener moves nothing, but
for the rows marked †. A thread takes {LIMIT} notices of a side, and {RESERVE} more that move it.
"""


_CLOCKS = """\
# Clocks of work

Made from the tables in `gateway/desk/clocks.py` by `make docs`; a test fails when it differs from the program. An
agreement may shorten a clock, never lengthen it. A clock never releases anything.

A deadline is a time that is fixed when the work is raised. A question back (CLARIFY) stops the owner's clock, twice at
most. A node that was down over a deadline escalates once, when it is back. A clock that jumps moves no deadline.

## How long an answer may take

"""

_ESCALATION = """
An alert is alarmed for after {alarms}, and each time that its owner wants (`--repeat`, each 30 s at most), until it is
acknowledged.

## Who sees it when

"""


def clocks_page() -> str:
    """Return the page of clocks as it should be."""
    classes = (
        (
            urgency.value,
            _time(DEFAULTS.answer_s(urgency, hit=True)),
            _time(DEFAULTS.answer_s(urgency, hit=False)),
            _time(DEFAULTS.approve_s(urgency, hit=True)),
        )
        for urgency in Urgency
    )
    head = ("class", "to a hit", "without a hit", "a draft is approved within")
    steps = (
        (kind.value, _clock(kind), _roles(step.half), _roles(step.end), "yes" if step.tells else "")
        for kind, step in ESCALATION.items()
    )
    seen = ("work", "clock", "half of it is over: also", "all of it is over: also", "the counterpart is told OVERDUE")
    alarms = ", ".join(_time(alarm) for alarm in DEFAULTS.alarms)
    return "".join([_CLOCKS, table(head, classes), _ESCALATION.format(alarms=alarms), table(seen, steps)])


def _clock(kind: WorkKind) -> str:
    """Return the clock of a kind of work, in words."""
    asked = ", ".join(_time(after) for after in DEFAULTS.outcome)
    words = {
        WorkKind.APPROVE: f"as above; after an alert that was sent first {_time(DEFAULTS.to_life)}",
        WorkKind.DECIDE: "of its class",
        WorkKind.CLARIFY: "of its class",
        WorkKind.ACKNOWLEDGE: _time(DEFAULTS.alarms[-1]),
        WorkKind.CORRECT: f"{DEFAULTS.correct_days} working days",
        WorkKind.OUTCOME: f"asked after {asked}; {_time(DEFAULTS.outcome_answer)} each",
    }
    return words.get(kind) or _time(getattr(DEFAULTS, kind.value))


def _time(seconds: int) -> str:
    """Return a length of time in the largest unit that it is a whole number of; days only from three on."""
    if seconds % 86_400 == 0 and seconds >= 3 * 86_400:
        return f"{seconds // 86_400} d"
    return f"{seconds // 3_600} h" if seconds % 3_600 == 0 else f"{seconds // 60} min"


def _roles(roles: Iterable[Role]) -> str:
    return ", ".join(role.value for role in roles)


_ENDS = """\
# Ends of threads

Made from the tables in `gateway/desk/ending` by `make docs`; a test fails when it differs from the program.

| a thread | ends |
| --- | --- |
| ask | with its outcome or withdrawal; with its own time, where it was not taken, or is wanted for longer than the \
clock; \
{unanswered} after the time for its answer; {settled} after the last notice, where it was answered or refused |
| alert | with its outcome, its withdrawal, or its own time |
| change | when the holder has confirmed it; one that leaves copies hidden is confirmed by its receipt |
| word of a node | when it says that it has resumed, or {settled} after the last notice |

While a thread is kept, a late notice opens it again. An ended thread is forgotten after the months that the settings
have for the desk (`[retention]`), unless a legal hold covers it or a notice of ours still waits; its entries stay in
the log. While nobody else vouches for our time nothing ends by it.

## What becomes of its work

Work that an end leaves without a purpose ends with it, and its result says so. What is empty here stays for a human. A
question for an outcome that opens later stays, and ends without one (`no-outcome`) when its own time is over. What is
still open when the thread is forgotten ends as `time-over`. A decision that ended because its counterpart was removed
waits again when the counterpart is back.

"""


_ROLES = """\
# Roles of the desk

Made from the table in `gateway/desk/roles.py` by `make docs`; a test fails when it differs from the program. An empty
field is forbidden. `own` is what a person wrote or what is assigned to that person; `office` and `agency` are the
person's; `addressed` is what names the person's office and agency, or none; `agency-or-none` is the person's agency,
and what belongs to no agency; `member` is all of this member's.

No role lifts these rules:

- A person without a training in force may do nothing (`training-over`).
- An administrator sees no content, whatever other roles the person has (`administrator`).
- No person approves or reviews their own, or decides as the second of two after being the first (`own-approval`).
- A record is released by the agency that owns it (`another-agency`).
- A second step needs a hit or a case (`no-ground`).
- The national desk approves where no supervisor of the office is on duty (`supervisor-on-duty`).

Everything else is refused with `role-not-permitted` or `outside-reach`. To a person who may not read an alert, a
watch, a report, an operation, a freezing, a token or an incident it is not there: `no-such-…`, as for one that never
was. Acts marked ° show no content.

"""


def ends_page() -> str:
    """Return the page of ends as it should be: a row for each kind of work, a column for each end."""
    rows = ((kind.value, *("ends" if end in ends else "" for end in End)) for kind, ends in ENDED_BY.items())
    settled, unanswered = _time(SETTLED_US // SECOND_US), _time(UNANSWERED_US // SECOND_US)
    text = _ENDS.format(settled=settled, unanswered=unanswered)
    return text + table(("work", *(f"`{end.value}`" for end in End)), rows)


def roles_page() -> str:
    """Return the page of roles as it should be: a row for each act, a column for each role."""
    rows = (
        (f"{act.value}{'°' if act in CONTENTLESS else ''}", *(str(TABLE[role].get(act, "")) for role in Role))
        for act in Act
    )
    return _ROLES + table(("", *(role.value for role in Role)), rows)


def states_page() -> str:
    """Return the page of states as it should be."""
    return "\n".join([_STATES, *(part for kind in ThreadKind for part in _states_of(kind))])


def _states_of(kind: ThreadKind) -> Iterator[str]:
    rules = RULES[kind]
    yield f"## {kind.value}\n\n```mermaid\nstateDiagram-v2"
    yield from (f"    {line}" for line in sorted(_edges(rules), key=_order))
    yield "```\n"
    yield table(("state", "side", "notice", "then"), (_row(kind, rule) for rule in rules))


def _edges(rules: Iterable[Rule]) -> Iterator[str]:
    """Yield the arrows of the picture; words that leave the state as it is are in the table alone."""
    found: dict[tuple[ThreadState, ThreadState], list[str]] = {}
    for rule in rules:
        for state in rule.states if rule.to else ():
            assert rule.to
            label = f"{rule.side.value} {_words(rule)}"
            found.setdefault((state, rule.to), []).append(label)
    for (state, to), labels in found.items():
        start = "[*]" if state is ThreadState.NEW else state.value
        yield f"{start} --> {to.value}: {'<br/>'.join(labels)}"
    for end in sorted({to.value for _, to in found} - {state.value for (state, to) in found if to is not state}):
        yield f"{end} --> [*]"


def _order(line: str) -> tuple[int, str]:
    """Return the place of an arrow: the first one first, the last ones last."""
    return (0 if line.startswith("[*]") else 2 if line.endswith("[*]") else 1), line


def _words(rule: Rule) -> str:
    """Return the type and codes of a rule, for the picture; many codes are told by their number."""
    codes = [str(code) for code in rule.codes if code]
    if len(codes) > 4:
        return f"{rule.type.value} ({len(codes)} codes)"
    return " ".join([rule.type.value, ", ".join(codes)]).strip()


def _row(kind: ThreadKind, rule: Rule) -> tuple[str, ...]:
    codes = ", ".join(f"`{code}`" for code in rule.codes if code)
    stands = any((kind, ThreadState.ENDED, rule.type, str(code)) in CROSSED for code in rule.codes)
    mark = " †" if stands and rule.side.value == "other" else ""
    states = ", ".join(state.value for state in rule.states)
    return (
        states,
        rule.side.value,
        f"{rule.type.value} {codes}".strip(),
        f"{rule.to.value}{mark}" if rule.to else "stays",
    )


def persons_page() -> str:
    """Return the page of how many persons each act needs, and why."""
    at_desk = (
        (act, _persons(needs), ", ".join(f"`{asked}`" for asked in sorted(needs.approves)), needs.why)
        for act, needs in sorted(DESK_ACTS.items())
    )
    by_keys = ((act.value, str(rule.persons or "none"), _who(rule), rule.why) for act, rule in ACTS.items())
    return (
        _PERSONS
        + table(("act", "persons", "approves", "why"), at_desk)
        + _SIGNED
        + table(("act", "persons", "who", "why"), by_keys)
    ).rstrip("\n") + "\n"


def _persons(needs: Needs) -> str:
    return f"{needs.persons}{': asks' if needs.asks else ': approves' if needs.approves else ''}"


def _who(rule: ActRule) -> str:
    leading = f"; one of them {' or '.join(sorted(rule.led_by))}" if rule.led_by and rule.led_by != rule.roles else ""
    return f"{', '.join(sorted(rule.roles))}{leading}" if rule.roles else rule.proof.value


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown, with an empty line after it."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def pages() -> dict[str, str]:
    """Return the pages by their file names."""
    return {
        "clocks.md": clocks_page(),
        "ends.md": ends_page(),
        "persons.md": persons_page(),
        "roles.md": roles_page(),
        "states.md": states_page(),
    }
