"""Describe a search in plain words: one line for each counterpart.

Silence, and what was not searched or not in full, is never shown as no hit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment, time_of_day
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.language.terms import MARKING_PARTS, RECORD_TYPES, named
from gateway.matching.one_word import NOT_SEARCHED
from gateway.model.hit import OWN_AGENCY, UNRELEASED
from gateway.records.types import RECORD_TYPES as RECORD_KINDS
from gateway.views.lines import Line, Next, exact, indented
from gateway.views.words.code_words import explained, raised

_ONE_WORD = "one word alone is not searched for with this purpose: give a second word of the name"

QUALITY: Sentences = {
    "EXACT_ID": "exact match of an identifier",
    "STRONG": "strong match",
    "POSSIBLE": "possible match",
}

_NOT_BELIEVED: Sentences = {
    "from-the-future": "not accepted: their clock is ahead of ours, so their answer is not believed; tell our node's "
    "operators. This does not mean no hit.",
    "tls-out-of-time": "not accepted: the certificate of their node is out of its time, so nothing was asked; tell our "
    "node's operators. This does not mean no hit.",
    "tls-authority": "not accepted: the certificate of their node is not from their authority, so nothing was asked; "
    "tell our node's operators. This does not mean no hit.",
    "tls-name": "not accepted: the certificate of their node bears another name, so nothing was asked; tell our node's "
    "operators. This does not mean no hit.",
    "tls-protocol": "not accepted: their node does not speak the secure protocol that ours demands, so nothing was "
    "asked; tell our node's operators. This does not mean no hit.",
    "answer-too-large": "not accepted: an answer came that is larger than our node takes; tell our node's operators. "
    "This does not mean no hit.",
    "key-removed": "not accepted: their key is no longer trusted, since it was removed; ask again once they have a new "
    "one. This does not mean no hit.",
    "member-suspended": "not accepted: they are suspended from the federation, so nothing is exchanged with them. This "
    "does not mean no hit.",
    "member-left": "not accepted: they have left the federation, so nothing is exchanged with them. This does not mean "
    "no hit.",
    "not-trusted-there": "not accepted: their node does not accept ours any more, so nothing was asked; tell our "
    "node's operators. This does not mean no hit.",
    "no-tls-key": "not accepted: their node has no key that is valid now, so nothing was asked; tell our node's "
    "operators. This does not mean no hit.",
}

_NOT_REACHED = frozenset({"unreachable", "nothing-listens", "unknown-address", "we-are-refused", "closed-unsecured"})
"""Codes of a counterpart to which there was no connection: the officer is not told that it took too long."""

_REFUSED: Sentences = {
    "refused": "refused: {why}",
    "suspended": "suspended: {why}",
    "too_many": "refused: too many; {why}. This does not mean no hit.",
}

SIGNED: Sentences = {
    "own": "signed by the agency",
    "held-by-node": "signed with the agency's key, held by its node",
}

_NOT_NO_HIT = "This does not mean no hit."
_FORKED = (
    "this country's log was shown in two versions, so its answer may not be provable; tell your node's security officer"
)
_FULL_STOPS = ".។။。"


def all_answered(search: dict[str, Any]) -> bool:
    """Tell whether every line says hit or no hit from all sources, and the search waits for no counterpart."""
    return not search["waiting_for"] and all(
        line["outcome"] in ("hit", "no_hit") and not line["missing"] for line in search["lines"]
    )


@exact
def answer_lines(line: dict[str, Any], own: str, language: Language = Language.EN) -> Iterator[Line]:
    """Yield the answer of one counterpart, and each hit; what an officer must see first leads both."""
    yield headline(line, own, language)
    if doubt := doubt_text(line, language):
        yield f"      {tell(language, 'attention: {what}', what=doubt)}", "bad"
    for hit in line["hits"]:
        if first := raised(hit, language):
            yield f"      {tell(language, 'attention: {what}', what='; '.join(first))}", "bad"
        yield from indented("      ", hit_lines(hit, language))


def last_lines(search: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the counterparts whose answer can still come, and the ids by which operators find the search."""
    yield from (f"  {member}  {tell(language, 'still waiting')}" for member in search["waiting_for"])
    for member in search.get("awaiting_late", ()):
        where = f"  {member}  "
        yield (
            Next(where + tell(language, "its answer can still come: liaison search show {id}", id=search["id"])),
            "warn",
        )
    for line in search["lines"]:
        if line["exchange_id"]:
            yield f"  {line['member']}  {tell(language, 'exchange {id}', id=line['exchange_id'])}", "dim"
    yield f"  {tell(language, 'search {id}', id=search['id'])}", "dim"


def headline(line: dict[str, Any], own: str, language: Language = Language.EN) -> tuple[str, str]:
    """Return one counterpart's answer in one sentence, with its style."""
    said, style = answer_text(line, language)
    if first := list(dict.fromkeys(text for hit in line.get("hits", ()) for text in raised(hit, language))):
        said, style = f"{said}: {'; '.join(first)}", "bad"
    if line["member"] == own:
        said = tell(language, "our own agencies: {said}", said=said)
    return f"  {line['member']}  {said}", style


def doubt_text(line: dict[str, Any], language: Language) -> str:
    """Return why the evidence of an answer is in doubt; empty where nothing says so."""
    return tell(language, _FORKED) if line.get("log_forked") else ""


def answer_text(line: dict[str, Any], language: Language) -> tuple[str, str]:
    """Return what a counterpart said, with its style: `good` for a hit, `warn` for one that is not complete."""
    # What is no answer comes first, then what is not a whole one: neither may be read as no hit.
    if line["outcome"] == "silent":
        return _silent(line, language), "warn"
    if line["outcome"] == "not_accepted":
        return _not_accepted(line, language), "warn"
    late = f" ({tell(language, 'it came late')})" if line["late"] else ""
    if line["outcome"] == "not_searched":
        more = "".join(f" ({each})" for each in _suspended(line, language))
        return f"{_not_searched(line, language)}{more}{late}", "warn"
    if line["outcome"] == "suspended" and line["missing"]:
        kinds = ", ".join(line["missing"])
        told = tell(language, "suspended: {kinds} are switched off. This does not mean no hit.", kinds=kinds)
        return f"{told}{late}", "warn"
    if line["outcome"] not in ("hit", "no_hit", "partial"):
        return f"{_refused(line, language)}{late}", "warn"
    if line["missing"]:
        return f"{_partial(line, language)}{_more(line, language)}{late}", "warn"
    if line["hits"]:
        return f"{_count(line['hits'], language)}{_more(line, language)}{late}", "good"
    return f"{tell(language, 'no hit')}{_more(line, language)}{late}", ""


def _not_searched(line: dict[str, Any], language: Language) -> str:
    """Return why nothing was searched that could hold the record."""
    if told := line["refusal"]:
        why = refusal(told["code"], told["reason"], language) or told["code"]
        return tell(language, "not searched: {why}. This does not mean no hit.", why=why)
    if kinds := ", ".join(kind for kind in line["missing"] if kind not in line.get("suspended", ())):
        return tell(language, "not searched: {kinds} did not answer. This does not mean no hit.", kinds=kinds)
    return tell(language, "not searched: no source takes such a question. This does not mean no hit.")


def _partial(line: dict[str, Any], language: Language) -> str:
    """Return an answer that lacks some sources. Without a hit, it must not be taken for `no hit`."""
    off = line.get("suspended", ())
    kinds = ", ".join(kind for kind in line["missing"] if kind != NOT_SEARCHED and kind not in off)
    if not kinds and off:
        kinds = ", ".join(off)
        if not line["hits"]:
            return tell(
                language,
                "partial: {kinds} are suspended, and the others found nothing. This does not mean no hit.",
                kinds=kinds,
            )
        hits = _count(line["hits"], language)
        return tell(
            language, "partial: {hits}, but {kinds} are suspended, so there may be more", hits=hits, kinds=kinds
        )
    if not kinds:
        found = f"{_count(line['hits'], language)}; " if line["hits"] else ""
        return f"{found}{tell(language, _ONE_WORD)}. {tell(language, _NOT_NO_HIT)}"
    if hits := line["hits"]:
        found = _count(hits, language)
        return tell(
            language, "partial: {hits}, but {kinds} did not answer, so there may be more", hits=found, kinds=kinds
        )
    return tell(
        language,
        "partial: {kinds} did not answer, and the others found nothing. This does not mean no hit.",
        kinds=kinds,
    )


def _not_accepted(line: dict[str, Any], language: Language) -> str:
    """Return that an answer came which our node does not believe."""
    code = (line["refusal"] or {"code": "unknown"})["code"]
    if code in _NOT_BELIEVED:
        return tell(language, _NOT_BELIEVED[code])
    return tell(
        language,
        "not accepted: an answer came that does not verify here ({code}); tell our node's operators. "
        "This does not mean no hit.",
        code=code,
    )


def _silent(line: dict[str, Any], language: Language) -> str:
    if since := line.get("silent_since"):
        time = moment(since, language)
        return tell(language, "silent, since {time}: it was not waited for. This does not mean no hit.", time=time)
    told = line["refusal"] or {}
    if (code := told.get("code")) in _NOT_REACHED:
        return tell(language, "silent: {why}", why=refusal(code, told["reason"], language))
    if not line["last_seen"]:
        return tell(
            language, "silent: no answer in time, never seen since this node started. This does not mean no hit."
        )
    seen = moment(line["last_seen"], language)
    return tell(language, "silent: no answer in time, last seen {time}. This does not mean no hit.", time=seen)


def _refused(line: dict[str, Any], language: Language) -> str:
    """Return why a question was refused or is suspended. A translation must not be taken for `no hit`."""
    told = line["refusal"] or {}
    code = told.get("code") or line["outcome"]
    general = refusal(code, told.get("reason", ""), language)
    why = told.get("text") or general or told.get("code") or tell(language, "no reason was given")
    if code == "receipts-due" and language is Language.EN:  # their node's words are for the operators
        why = tell(language, "{sentence} (their node: {text})", sentence=general, text=told.get("text", ""))
    text = tell(language, _REFUSED[line["outcome"]], why=why)
    clause = tell(language, _NOT_NO_HIT).rstrip(_FULL_STOPS)
    said = language is Language.EN or clause.casefold() in text.casefold()
    return text if said else f"{text.rstrip(_FULL_STOPS)} ({clause})"


def hit_lines(hit: dict[str, Any], language: Language = Language.EN) -> list[str]:
    """Return a hit in words: what matched and why, what was released, who signed it, and its handling rules."""
    lines = [hit_title(hit, language)]
    record = hit["record"]
    if record is None:
        asked = hit.get("next")
        command = [Next(tell(language, "ask a human of the owner: {command}", command=asked))] if asked else []
        return [*lines, *unreleased_texts(hit, language), *command]
    lines += _whom(hit, language)
    lines.append(released_text(record, hit["record_type"], language))
    lines += [f"  {name}: {value_text(value, language, name)}" for name, value in record["fields"].items()]
    return [*lines, *filter(None, [marking_text(record["marking"], language)])]


def _whom(hit: dict[str, Any], language: Language) -> list[str]:
    """Return whom to ask about a case on which a unit of the other side works."""
    fields = hit["record"]["fields"] if hit["record_type"] == "CaseReference" else {}
    whom = ", ".join(str(fields[name]) for name in ("unit", "contact_role") if fields.get(name))
    return [tell(language, "a unit there works on this case: ask {whom}", whom=whom)] if whom else []


def hit_title(hit: dict[str, Any], language: Language) -> str:
    """Return the type of a hit's record, how well it matches, and why."""
    why = "; ".join(rule["sentence"] for rule in hit["rules"] if not rule["word"].startswith(UNRELEASED))
    quality = tell(language, QUALITY.get(hit["quality"], hit["quality"]))
    kind = named(hit["record_type"], RECORD_TYPES, language)
    return f"{kind}: {quality}" + (f" ({why})" if why else "")


def unreleased_texts(hit: dict[str, Any], language: Language) -> list[str]:
    """Return why a hit has no record, and what to do about it."""
    reasons = [rule for rule in hit["rules"] if rule["word"].startswith(UNRELEASED)]
    texts = [tell(language, "no record: {why}", why=rule["sentence"]) for rule in reasons]
    if OWN_AGENCY not in (rule["word"] for rule in reasons):
        todo = hit["action"] or tell(language, "the record needs a follow-up")
        texts.append(tell(language, "{action} (reference {reference})", reference=hit["reference"], action=todo))
    return texts


def released_text(record: dict[str, Any], record_type: str, language: Language) -> str:
    """Return how many fields of a record were released, by whom, and who signed it."""
    known = RECORD_KINDS.get(record_type)
    facts = {
        "count": len(record["fields"]),
        "total": known.total(record["fields"]) if known else 0,
        "owner": record["owner"],
        "signed": tell(language, SIGNED[record["signed_by"]]),
    }
    if known:
        return tell(language, "{count} of {total} fields released by {owner}, {signed}, verified", **facts)
    return tell(language, "{count} fields released by {owner}, {signed}, verified", **facts)


def _count(hits: list[dict[str, Any]], language: Language) -> str:
    return tell(language, "1 hit") if len(hits) == 1 else tell(language, "{count} hits", count=len(hits))


def _more(line: dict[str, Any], language: Language) -> str:
    parts = []
    if told := _as_of(line, language):
        parts.append(told)
    parts += _suspended(line, language)
    if NOT_SEARCHED in line["missing"] and len(line["missing"]) > 1:
        parts.append(tell(language, _ONE_WORD))
    if line["capped"]:
        parts.append(tell(language, "there are more; ask more precisely"))
    if line["withheld_count"]:
        parts.append(tell(language, "{count} fields withheld by policy", count=line["withheld_count"]))
    return f" ({'; '.join(parts)})" if parts else ""


def _suspended(line: dict[str, Any], language: Language) -> list[str]:
    """Return what is missing since it is switched off, where other kinds are missing, too."""
    off = line.get("suspended", ())
    apart = off and set(off) != set(line["missing"])
    return [tell(language, "suspended: {kinds}", kinds=", ".join(off))] if apart else []


def _as_of(line: dict[str, Any], language: Language) -> str:
    """Return as of when was searched: the oldest time, since nothing that came later was seen everywhere."""
    searched = line.get("searched") or []
    if searched and all(one["as_of"] for one in searched):
        return tell(language, "searched as of {time}", time=time_of_day(min(one["as_of"] for one in searched)))
    is_older = line["outcome"] in ("no_hit", "partial") and line.get("exchange_id")  # an answer of an earlier version
    return tell(language, "as of when is not told") if is_older or searched else ""


def marking_text(marking: dict[str, Any], language: Language) -> str:
    """Return the handling rules of a record in one sentence; an empty text without any."""
    shown = [
        f"{_part(key, language)}: {_time_or_text(key, value, language)}"
        for key, value in marking.items()
        if value not in ("", [], None)
    ]
    return tell(language, "handling: {parts}", parts="; ".join(shown)) if shown else ""


def _part(key: str, language: Language) -> str:
    return tell(language, MARKING_PARTS[key]) if key in MARKING_PARTS else key.replace("_", " ")


def _time_or_text(key: str, value: Any, language: Language) -> str:
    if key == "not_after" and isinstance(value, str):
        return moment(value, language)
    return value_text(value, language, key)


def value_text(value: Any, language: Language = Language.EN, field: str = "") -> str:
    """Return a value of `field` in plain words; a code of a closed list comes with its meaning."""
    if isinstance(value, dict):
        if "text" in value:
            return str(value["text"])
        return " ".join(
            value_text(part, language, key)
            for key, part in value.items()
            if key not in ("calendar", "original", "script", "lang")
        )
    if isinstance(value, list):
        return ", ".join(value_text(part, language, field) for part in value)
    return explained(str(value), field, language)
