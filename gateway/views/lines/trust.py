"""Describe trust documents in lines: charters, the documents of a home, signed, accepted and published ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.config import argument
from gateway.gossip.taking import Taken
from gateway.trust.documents.folder import Accepted
from gateway.views.lines import Line


def charter_lines(about: dict[str, Any]) -> list[str]:
    """Return the lines of a charter."""
    members = ", ".join(f"{name} ({status})" for name, status in about["members"].items())
    return [
        f"charter of `{about['federation']}`, version {about['version']}, until {about['expires']}",
        f"  members      {members}",
        *_signer_lines(about),
        f"  fingerprint  {about['fingerprint']}",
    ]


def _signer_lines(about: dict[str, Any]) -> Iterator[str]:
    """Yield by whom a charter is signed, and who must still sign, under each version that counts."""
    for each in about["signers"]:
        title = "signed by" if each["version"] == about["version"] else f"under {each['version']}"
        signed, missing = ", ".join(each["signed"]) or "nobody", " or ".join(each["missing"])
        still = each["needed"] - len(each["signed"])
        told = f"{still} more must sign: {missing}" if still > 0 else "enough"
        yield f"  {title:<12} {signed} ({each['needed']} needed; {told})"
    if not about["both_counted"]:
        version = about["version"] - 1
        yield f"  it also needs enough signatures under version {version}: give that one with --previous to see whose"


def published_lines(about: dict[str, Any], out: str) -> list[str]:
    """Return the published documents in lines, and the next step."""
    descriptor = about["descriptor"]
    lines = [f"descriptor {descriptor['version']} and a fresh status of `{about['member']}` are signed"]
    if missing := about.get("unpublished"):
        lines = [
            f"a fresh status of `{about['member']}` is signed; descriptor {descriptor['version']} is the one before",
            f"  it does not list the keys {', '.join(missing)}: that needs an authority (--authority ADIR)",
        ]
    if compared := about["compared_with"]:
        lines.append(f"  no newer one is held by {', '.join(compared)}")
    lines.append(f"  answers at {', '.join(descriptor['endpoints'])}; {len(descriptor['keys'])} keys are listed")
    lines += [f"  {text}" for text in _source_lines(descriptor["sources"])]
    if unknown := about.get("undescribed"):
        why = "their mapping does not load, or they have never answered: `liaison doctor` says which"
        lines.append(f"  not listed: {', '.join(unknown)}; {why}")
    return [
        *lines,
        f"running nodes hand both on; else, at each other: liaison trust import {argument(Path(out))} --home THEIRS"
        if out
        else "running nodes hand both on by themselves; --out writes them to a file",
    ]


def _source_lines(sources: Sequence[dict[str, Any]]) -> list[str]:
    """Return what a member can be asked for, as its descriptor lists it."""
    return [f"{each['kind']}: asked by {', '.join(each['queries']) or 'nothing'}" for each in sources]


def signed_lines(about: dict[str, Any]) -> list[str]:
    """Return the lines of a charter, or the place of another document that was signed."""
    if about["kind"] != "charter":
        return [f"signed: {about['out']}"]
    return [*charter_lines(about), f"written to {about['out']}"]


def accepted_lines(taken: Iterable[Accepted]) -> Iterator[Line]:
    """Yield which documents were accepted, and which were held already."""
    for item in taken:
        of = f" of {item.member}" if item.member else ""
        yield f"{item.kind}{of}, version {item.version}: {'accepted' if item.changed else 'held already'}", "good"


def exported_lines(count: int, out: Path) -> list[str]:
    """Return that documents were written, and how another home takes them."""
    return [
        f"{count} documents are in {out}",
        f"another node takes what it lacks: liaison trust import {argument(out)} --home THEIRS",
    ]


def imported_about(taken: Sequence[Taken], refused: Sequence[Taken]) -> dict[str, Any]:
    """Return as JSON what became of documents that were brought in a file."""
    return {
        "taken": [asdict(item.accepted) for item in taken if item.accepted is not None and item.changed],
        "held": sum(not item.changed for item in taken) - len(refused),
        "refused": [
            {"code": item.refusal.code, "message": item.refusal.message, "remedy": item.refusal.remedy}
            for item in refused
            if item.refusal is not None
        ],
    }


def imported_lines(taken: Sequence[Taken], refused: Sequence[Taken]) -> Iterator[Line]:
    """Yield which documents are new, how many were held, and which were refused and why."""
    yield from accepted_lines(item.accepted for item in taken if item.accepted is not None and item.changed)
    if held := sum(not item.changed for item in taken) - len(refused):
        yield f"{held} documents were held already, or are older than the ones held", "good"
    for item in refused:
        if item.refusal is not None:
            yield f"refused: {item.refusal}", "bad"
            if item.refusal.remedy:
                yield f"  {item.refusal.remedy}"
