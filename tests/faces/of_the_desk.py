"""The lives of a frozen account, an incident, an operation and a token."""

from __future__ import annotations

from gateway.model.desk.work import WorkKind
from gateway.model.handed.work import Mark, Verdict
from tests.faces.acting import ISSUER, OWNER, Form, Row
from tests.faces.common import (
    BASIS,
    BOSS,
    HEAD,
    KEEPER,
    KEEPER_OF_OTHERS,
    OF_THREAD,
    OFFICER,
    OTHER,
    SECURITY,
    SEIZED,
    SEIZED_COMMAND,
    SEIZED_FORM,
    THEIR_DESK,
    THEIR_DUTY,
    THEIR_SECURITY,
    WHY,
    Codes,
    approve,
    at_thread,
    decision,
    decline,
)
from tests.support.exchange import VN
from tests.support.nodes import World
from tests.support.second_step import OFFICER as HITTER
from tests.support.second_step import hit, step, works
from tests.support.waiting import until

# ------------------------------------------------------------ freezes

_ASKED = Row(
    "asked",
    SECURITY,
    "ask-freeze",
    "",
    "POST freezes",
    f'freeze ask {OTHER} --reason "asked for his family"',
    Form("/freezes", "/freezes", {"person": OTHER, "reason": "asked for his family"}),
    {"person": OTHER, "reason": "asked for his family"},
    refused={OFFICER: "role-not-permitted"},
)
_LIFTING = Row(
    "lifting",
    SECURITY,
    "ask-lift",
    "",
    "POST freezes/{service}/lift",
    'freeze lift {service} --reason "explained"',
    Form("/freezes/{service}", "/freezes/{service}/lift", {"reason": "explained"}),
    {"reason": "explained"},
    refused={OFFICER: "role-not-permitted"},
    absent="no-such-freeze",
    again="not-now",
)


_CODES = Codes(
    {SECURITY: "own-approval", OFFICER: "no-such-work / role-not-permitted"},
    "no-such-work / no-such-freeze",
    "already-decided",
)


def _decide(do: str) -> Form:
    return decision("/freezes/{service}", "do", do, "reason", "decide")


FREEZE = (
    _ASKED,
    decline(HEAD, "decline-freeze", _decide("decline"), _CODES),
    _ASKED,
    approve(HEAD, "approve-freeze", _decide("approve"), _CODES),
    _LIFTING,
    decline(HEAD, "decline-lift", _decide("decline"), _CODES),
    _LIFTING,
    approve(HEAD, "approve-lift", _decide("approve"), _CODES),
)

# ------------------------------------------------------------ incidents

_STOLEN = "An officer token was stolen. It is revoked."


def _acknowledged(acts: str, tells: str) -> Row:
    """Return the acknowledgement of an incident; once that is over it is written at home alone, as an act."""
    page = "/desk/work/{incident}/matter"
    return Row(
        "acknowledged",
        THEIR_SECURITY,
        acts,
        tells,
        "POST work/{incident}/acknowledge-incident",
        'incident acknowledge {incident} --text "we look, too"',
        Form(page, page, {"matter-text": "we look, too"}),
        {"text": "we look, too"},
        refused={THEIR_DUTY: "no-such-work"},
        absent="no-such-work",
    )


INCIDENT = (
    Row(
        "told",
        SECURITY,
        "tell-incident",
        "service-INCIDENT",
        "POST incidents",
        f'incident notify --text "{_STOLEN}"',
        Form("/incidents", "/incidents", {"incident-code": "INCIDENT", "incident-text": _STOLEN}),
        {"text": _STOLEN},
        refused={OFFICER: "role-not-permitted"},
    ),
    Row(
        "settled",
        SECURITY,
        "settle-incident",
        "",
        "POST work/{incident}/settle",
        'review settle {incident} --result explained --text "a lost card"',
        Form(
            "/desk/work/{incident}/matter",
            "/desk/work/{incident}/matter",
            {"matter-result": "explained", "matter-text": "a lost card"},
        ),
        {"result": "explained", "text": "a lost card"},
        refused={OFFICER: "no-such-work"},
        absent="no-such-work",
        again="already-decided",
    ),
    Row(
        "read abroad",
        THEIR_SECURITY,
        "",
        "",
        "POST work/{incident}/incident",
        "incident open {incident}",
        Form("/desk/work/{incident}/matter"),
        refused={THEIR_DUTY: "no-such-work"},
        absent="no-such-work",
    ),
    _acknowledged("", "status-ACKNOWLEDGED"),
    Row(
        "more",
        SECURITY,
        "tell-more",
        "service-INCIDENT",
        "POST incidents/{service}/more",
        'incident more {service} --text "two more tokens"',
        Form("/incidents/{service}", "/incidents/{service}", {"do": "more", "incident-text": "two more tokens"}),
        {"text": "two more tokens"},
        refused={OFFICER: "role-not-permitted", HEAD: "role-not-permitted"},
        absent="no-such-incident",
    ),
    Row(
        "closed",
        SECURITY,
        "close-incident",
        "service-RESUMED",
        "POST incidents/{service}/close",
        'incident close {service} --text "all keys are new"',
        Form("/incidents/{service}", "/incidents/{service}", {"do": "close", "incident-text": "all keys are new"}),
        {"text": "all keys are new"},
        refused={OFFICER: "role-not-permitted", HEAD: "role-not-permitted"},
        absent="no-such-incident",
        again="not-now",
    ),
    _acknowledged("acknowledge-incident", ""),
)

# ------------------------------------------------------------ operations

_OPEN = "/operations/open"
_OPENED = Row(
    "opened",
    OFFICER,
    "open-room",
    "",
    "POST operations",
    f"operation open --to vn --title 'Mekong night' --template joint-operation --end {{day30}}T00:00:00Z {BASIS}",
    Form(_OPEN, _OPEN, {**WHY, "title": "Mekong night", "to": "vn", "template": "joint-operation", "end": "{day29}"}),
    {
        **WHY,
        "to": [{"member": "vn"}],
        "title": "Mekong night",
        "template": "joint-operation",
        "end": "{day30}T00:00:00Z",
    },
    refused={SECURITY: "role-not-permitted", BOSS: "role-not-permitted"},
)
_IN = "/operations/{operation}"


ROOM = (
    _OPENED,
    approve(BOSS, "approve-room", at_thread("th/{room}", "approve"), OF_THREAD, "room-INVITE"),
    Row(
        "left",
        THEIR_DESK,
        "leave-room",
        "room-LEAVE",
        "POST operations/{operation}/leave",
        "operation leave {operation}",
        Form(_IN, f"{_IN}/leave"),
        {},
        refused={THEIR_SECURITY: "role-not-permitted"},
        absent="no-such-operation",
    ),
    _OPENED,
    approve(BOSS, "approve-room", at_thread("th/{room}", "approve"), OF_THREAD, "room-INVITE"),
    Row(
        "joined",
        THEIR_DESK,
        "join-room",
        "room-INVITE room-JOIN",
        "POST operations/{operation}/join",
        "operation join {operation}",
        Form(_IN, f"{_IN}/join"),
        refused={THEIR_SECURITY: "role-not-permitted"},
        absent="no-such-operation",
    ),
    Row(
        "an entry",
        THEIR_DESK,
        "write-note",
        "note",
        "POST operations/{operation}/note",
        "operation note {operation} --text 'a lorry' --value what=sighting --value persons=2",
        Form(_IN, f"{_IN}/note", {"text": "a lorry", "value-what": "sighting", "value-persons": "2"}),
        {"text": "a lorry", "values": {"what": "sighting", "persons": "2"}},
        refused={THEIR_SECURITY: "role-not-permitted"},
        absent="no-such-operation",
    ),
    Row(
        "an outcome",
        THEIR_DESK,
        "write-outcome",
        "outcome-SEIZED",
        "POST operations/{operation}/outcome",
        f"operation outcome {{operation}} {SEIZED_COMMAND}",
        Form(_IN, f"{_IN}/outcome", SEIZED_FORM),
        SEIZED,
        refused={THEIR_SECURITY: "role-not-permitted"},
        absent="no-such-operation",
    ),
    Row(
        "more invited",
        OFFICER,
        "invite",
        "",
        "POST operations/{operation}/invite",
        "operation invite {operation} --to kh",
        Form(_IN, f"{_IN}/invite", {"to": "kh"}),
        {"to": [{"member": "kh"}]},
        refused={SECURITY: "role-not-permitted", OTHER: "outside-reach"},
        absent="no-such-operation",
        again="not-now",
    ),
    decline(BOSS, "decline-room", at_thread("th/{room}", "decline"), OF_THREAD),
    Row(
        "sealed",
        OFFICER,
        "seal-room",
        "room-SEAL",
        "POST operations/{operation}/seal",
        "operation seal {operation} --text over",
        Form(_IN, f"{_IN}/seal", {"act": "seal", "words": "over"}),
        {"text": "over"},
        refused={SECURITY: "role-not-permitted", OTHER: "outside-reach"},
        absent="no-such-operation",
        again="operation-over",
    ),
)

# ------------------------------------------------------------ tokens

_CHECKED = "/gate/{search}"
TOKEN = (
    Row(
        "issued",
        KEEPER,
        "issue-token",
        "",
        "POST misuse",
        "misuse issue --work {distinguish} --document P4471209:THA --consent paper",
        Form(
            "/misuse?work={distinguish}",
            "/misuse",
            {"work": "{distinguish}", "documents": "P4471209 THA", "consent": "paper", "agrees": "1", "until": "180"},
        ),
        {"work": "{distinguish}", "documents": [{"number": "P4471209", "issuer": "THA"}], "consent": "paper"},
        refused={KEEPER_OF_OTHERS: "outside-reach", THEIR_DUTY: "role-not-permitted"},
    ),
    Row(
        "checked",
        OFFICER,
        "",
        "",
        "POST searches/{search}/token",
        "misuse check {token} --search {search} --document P4471209:THA",
        Form(
            _CHECKED,
            f"{_CHECKED}/token",
            {"token": "{token}", "token-number": "P4471209", "token-issuer": "THA"},
            200,
        ),
        {"token": "{token}", "number": "P4471209", "issuer": "THA"},
        refused={OTHER: "not-found"},
        absent="not-found",
    ),
    Row(
        "withdrawn",
        KEEPER,
        "withdraw-token",
        "change-WITHDRAWN status-NOT_HELD",
        "POST misuse/{issued}/withdraw",
        "misuse withdraw {issued} --reason mistaken",
        Form("/misuse/{issued}", "/misuse/{issued}/withdraw", {"reason": "mistaken"}),
        {"reason": "mistaken"},
        refused={KEEPER_OF_OTHERS: "no-such-token", THEIR_DUTY: "role-not-permitted"},
        absent="no-such-token",
    ),
)


async def marked(world: World) -> dict[str, str]:
    """Let an officer mark a hit as another person, so that its owner gets work; return the name of the search."""
    found = await hit(world)
    mark = Mark(search_id=found, peer=VN, hit=0, verdict=Verdict.NOT_SAME, reason="another birth")
    await step(world, OWNER).marks.mark(HITTER, mark)
    await until(lambda: works(world.nodes[ISSUER], WorkKind.DISTINGUISH), "the owner has work")
    return {"search": found}
