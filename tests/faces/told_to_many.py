"""The lives of an alert, a report and a watch, which counterparts are told of."""

from __future__ import annotations

from tests.faces.acting import SHOWN, Form, Row
from tests.faces.common import (
    BASIS,
    BOSS,
    KEEPER,
    NO,
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
    approve,
    at_thread,
    decision,
    decline,
    of_page,
)
from tests.support.exchange import PASSPORT

# ------------------------------------------------------------ reports

_METHOD = {"method": "Tablets are hidden under the false floor of pick-up trucks", "price": "2 baht"}
_WRITE = "/reports/write"
_REPORT_BODY = {"fields": _METHOD, "lang": "en", **WHY}
_REPORT_COMMAND = f"--method '{_METHOD['method']}' --price '2 baht' {BASIS}"
_REPORT_FORM = {**WHY, **_METHOD, "level": "OFFICIAL", "lang": "en"}
_WRITTEN = Row(
    "written",
    OFFICER,
    "write-report",
    "",
    "POST reports",
    f"report publish {_REPORT_COMMAND}",
    Form(_WRITE, _WRITE, {**_REPORT_FORM, "step": "send"}),
    _REPORT_BODY,
    refused={BOSS: "role-not-permitted", SECURITY: "role-not-permitted"},
)


_REPORTS = of_page("no-such-report", f"no role of {OTHER} may approve")


def _on_report(do: str) -> Form:
    return decision("/reports/{report}", "act", do, "approve-words")


REPORT = (
    Row(
        "checked",
        OFFICER,
        "",
        "",
        "POST reports/check",
        f"report check {_REPORT_COMMAND}",
        Form(_WRITE, _WRITE, {**_REPORT_FORM, "step": "check"}, 200),
        _REPORT_BODY,
        refused={BOSS: "role-not-permitted"},
    ),
    _WRITTEN,
    decline(BOSS, "decline-report", _on_report("decline"), _REPORTS),
    _WRITTEN,
    approve(BOSS, "approve-report", _on_report("approve"), _REPORTS, "report"),
    Row(
        "read abroad",
        THEIR_DESK,
        "",
        "status-READ",
        "GET reports/{report}",
        "report show {report}",
        Form("/reports/{report}"),
        refused={THEIR_SECURITY: "role-not-permitted"},
        absent="no-such-report",
    ),
    Row(
        "objected to",
        THEIR_DESK,
        "",
        "status-OBJECTED",
        "POST reports/{report}/object",
        "report object {report} --text 'names a person'",
        Form("/reports/{report}", "/reports/{report}/object", {"object-words": "names a person"}),
        {"text": "names a person"},
        refused={THEIR_DUTY: "role-not-permitted", THEIR_SECURITY: "role-not-permitted"},
        absent="no-such-report",
    ),
    Row(
        "withdrawn",
        OFFICER,
        "withdraw-report",
        "change-WITHDRAWN",
        "POST reports/{report}/withdraw",
        "report withdraw {report} --reason outdated --text old",
        Form("/reports/{report}", "/reports/{report}/withdraw", {"why": "outdated", "withdraw-words": "old"}),
        {"reason": "outdated", "text": "old"},
        refused={OTHER: "outside-reach", SECURITY: "role-not-permitted"},
        absent="no-such-report",
        again=f"not-now / {SHOWN}",
    ),
)

# ------------------------------------------------------------ watches

_WATCH_FORM = {**WHY, "kind": "document", "number": PASSPORT.number, "issuer": PASSPORT.issuer, "to": "vn"}
_WATCHED = Row(
    "asked for",
    OFFICER,
    "add-watch",
    "",
    "POST watches",
    f"watch add --document {PASSPORT.number} --issuer {PASSPORT.issuer} --to vn {BASIS}",
    Form("/watches", "/watches", _WATCH_FORM),
    {"query": {"kind": "document", "number": PASSPORT.number, "issuer": PASSPORT.issuer}, "to": ["vn"], **WHY},
    refused={BOSS: "role-not-permitted", SECURITY: "role-not-permitted"},
)


_WATCHS = of_page("no-such-watch")


def _on_watch(do: str) -> Form:
    return Form(
        "/watches/{watch}",
        "/watches/{watch}/approve",
        {"act": do, "work": "{approve}"} | ({"reason": NO} if do != "approve" else {}),
    )


WATCH = (
    _WATCHED,
    decline(BOSS, "decline-watch", _on_watch("decline"), _WATCHS),
    _WATCHED,
    approve(BOSS, "approve-watch", _on_watch("approve"), _WATCHS, "watch reply-HIT status-ACKNOWLEDGED"),
    Row(
        "followed up",
        OFFICER,
        "draft",
        "",
        "POST watches/{watch}/followup",
        "watch followup {watch} --from vn --notice {notice} --facts 'seen at the bridge'",
        Form("/watches/{watch}", "/watches/{watch}/follow", {"hit": "vn.{notice}.0", "facts": "seen at the bridge"}),
        {"from": "vn", "notice": "{notice}", "facts": "seen at the bridge", "urgency": "PRIORITY"},
        refused={OTHER: "no-such-watch", SECURITY: "role-not-permitted"},
        absent="no-such-watch",
    ),
    decline(BOSS, "decline", at_thread("vn/{there}", "decline"), OF_THREAD._replace(again="already-decided")),
    Row(
        "renewed",
        OFFICER,
        "renew-watch",
        "",
        "POST watches/{watch}/renew",
        "watch renew {watch} --until {in90d} --reason 'goes on'",
        Form("/watches/{watch}", "/watches/{watch}/renew", {"lasts": "2160", "needed": "goes on"}),
        {"until": "{in90d}", "reason": "goes on"},
        refused={OTHER: "no-such-watch", SECURITY: "role-not-permitted"},
        absent="no-such-watch",
    ),
    approve(BOSS, "approve-watch", _on_watch("approve"), _WATCHS, "watch status-ACKNOWLEDGED"),
    Row(
        "ended",
        OFFICER,
        "end-watch",
        "change-WITHDRAWN",
        "POST watches/{watch}/end",
        "watch end {watch} --reason arrested",
        Form("/watches/{watch}", "/watches/{watch}/end", {"ended": "arrested"}),
        {"reason": "arrested"},
        refused={OTHER: "no-such-watch", SECURITY: "role-not-permitted"},
        absent="no-such-watch",
        again=f"not-now / {SHOWN}",
    ),
)

# ------------------------------------------------------------ alerts

_RAISE = "/alerts/raise"
_REASON = "carries ketamine across the bridge"


_CAR = {"alert_class": "DISCREET_CHECK", "objects": [{"kind": "vehicle", "plate": "1234"}], "reason": _REASON}
_RAISED = Row(
    "raised",
    OFFICER,
    "raise-alert",
    "",
    "POST alerts",
    f"alert raise --to vn --action DISCREET_CHECK --plate 1234 --reason '{_REASON}' {BASIS}",
    Form(
        f"{_RAISE}?kind=vehicle",
        _RAISE,
        {**WHY, "plate": "1234", "action": "DISCREET_CHECK", "reason": _REASON, "to": "vn", "step": "send"},
    ),
    {**WHY, "to": [{"member": "vn"}], "fields": _CAR},
    refused={BOSS: "role-not-permitted", SECURITY: "role-not-permitted"},
)


_ALERTS = of_page("no-such-alert")


def _on_alert(do: str) -> Form:
    return decision("/alerts/{alert}", "act", do, "reason")


def _renewed(act: str, tells: str, days: int) -> Row:
    return Row(
        "renewed",
        OFFICER,
        act,
        tells,
        "POST alerts/{alert}/renew",
        f"alert renew {{alert}} --until {{in{days}d}}",
        Form("/alerts/{alert}", "/alerts/{alert}/renew", {"lasts": str(24 * days)}),
        {"until": f"{{in{days}d}}"},
        refused={OTHER: "no-such-alert", SECURITY: "role-not-permitted"},
        absent="no-such-alert",
    )


_THERE = "/alerts/th/{there}"
ALERT = (
    _RAISED,
    decline(BOSS, "decline-alert", _on_alert("decline"), _ALERTS),
    _RAISED,
    approve(BOSS, "approve-alert", _on_alert("approve"), _ALERTS, "alert"),
    Row(
        "opened abroad",
        THEIR_DUTY,
        "",
        "status-READ",
        "POST alerts/taken/{there}/open",
        "alert open {there}",
        Form(_THERE),
        refused={THEIR_SECURITY: "no-such-thread / no-such-alert"},
        absent="no-such-thread / no-such-alert",
    ),
    Row(
        "acknowledged",
        THEIR_DESK,
        "",
        "status-ACKNOWLEDGED",
        "POST work/{acknowledge}/acknowledge",
        "alert acknowledge {acknowledge} --text 'we look'",
        Form(_THERE, f"{_THERE}/answer", {"code": "ACKNOWLEDGED", "note": "we look"}),
        {"answer": "ACKNOWLEDGED", "text": "we look"},
        refused={KEEPER: "no-such-work / role-not-permitted", THEIR_SECURITY: "no-such-work / role-not-permitted"},
        absent="no-such-work / no-such-alert",
    ),
    Row(
        "an outcome there",
        THEIR_DUTY,
        "",
        "outcome-SEIZED",
        "POST threads/{there}/outcome",
        f"desk outcome {{there}} {SEIZED_COMMAND}",
        Form(_THERE, f"{_THERE}/outcome", SEIZED_FORM),
        SEIZED,
        refused={KEEPER: "no-such-thread / role-not-permitted", THEIR_SECURITY: "no-such-thread / role-not-permitted"},
        absent="no-such-thread / no-such-alert",
    ),
    _renewed("shorten-alert", "alert", 1),
    _renewed("renew-alert", "", 30),
    approve(BOSS, "approve-alert", _on_alert("approve"), _ALERTS, "alert"),
    Row(
        "lifted",
        OFFICER,
        "lift-alert",
        "change-WITHDRAWN",
        "POST alerts/{alert}/lift",
        "alert lift {alert} --reason no-longer-sought",
        Form("/alerts/{alert}", "/alerts/{alert}/lift", {"why": "no-longer-sought"}),
        {"reason": "no-longer-sought"},
        refused={OTHER: "no-such-alert", SECURITY: "role-not-permitted"},
        absent="no-such-alert",
        again=f"not-now / {SHOWN}",
    ),
    Row(
        "closed",
        OFFICER,
        "close-alert",
        "outcome-SEIZED",
        "POST alerts/{alert}/close",
        f"alert close {{alert}} {SEIZED_COMMAND}",
        Form("/alerts/{alert}", "/alerts/{alert}/close", SEIZED_FORM),
        SEIZED,
        refused={OTHER: "no-such-alert", SECURITY: "role-not-permitted"},
        absent="no-such-alert",
        again=f"not-now / {SHOWN}",
    ),
)
