"""Passkeys at the homes that tests found, enrolled as people do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.ops.acts.carry import bring
from gateway.ops.acts.passkeys import draft_enrolment
from gateway.signing.passkeys.registration import asked_for, registration_options
from tests.support.authenticator import RP_ID, Authenticator
from tests.support.persons import person_key

SIGNERS = ("adm", "data1")


def registered(home: Path, person: str, device: Authenticator) -> tuple[Path, Path]:
    """The files of options and answer with which a person's device is enrolled."""
    options = registration_options(RP_ID, person)
    asked, answer = home.parent / f"{person}-options.json", home.parent / f"{person}-response.json"
    asked.write_text(json.dumps(options))
    answer.write_text(json.dumps(device.create(asked_for(options)[2])))
    return asked, answer


def enrolment(home: Path, person: str, device: Authenticator, *names: str) -> bytes:
    """The signed act that enrols a person's device."""
    keys = [person_key(home, name) for name in names or SIGNERS]
    return draft_enrolment(home, *registered(home, person, device), "new duty officer", keys)


def enrol(home: Path, person: str, device: Authenticator | None = None) -> Authenticator:
    """Enrol a person's device, and return it."""
    device = device or Authenticator()
    bring(home, enrolment(home, person, device))
    return device


def set_release(home: Path, **settings: Any) -> None:
    """Set what `[release]` in the settings of a home says."""
    file = home / "node.toml"
    text = file.read_text(encoding="utf-8")
    for name, value in ({"rp_id": RP_ID} | settings).items():
        before = next(line for line in text.splitlines() if line.lstrip("# ").startswith(f"{name} = "))
        text = text.replace(before, f"{name} = {json.dumps(value)}", 1)
    file.write_text(text, encoding="utf-8")
