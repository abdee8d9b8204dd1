"""Make the steps of rotations of a running node's own keys, and take up changed files."""

from __future__ import annotations

from gateway.agency.officer_tokens.keys import token_keys
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.app.resources import Resources
from gateway.config import TOKEN_ISSUER
from gateway.errors import StorageBroken, Unavailable
from gateway.ops.keys.files import apart, use_of_file
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.steps import Standing, advance
from gateway.ports.entries import events
from gateway.ports.holders import Holders
from gateway.ports.journal import EntryDraft


def key_steps(resources: Resources, holders: Holders) -> list[EntryDraft]:
    """Make the steps of rotations that are due, as others come to hold them; return an entry for each. Blocks.

    Raises `Unavailable` where a step cannot be written, `Misconfigured` for a state that cannot be read.
    """
    rotations = Rotations(resources.home)
    if not rotations.any():
        return []
    agencies, now_us = apart(resources.settings), resources.clock.now_us()
    standing = Standing(resources.member, resources.trust.view, holders, now_us, agencies)
    try:
        with rotations.locked():
            moved = advance(rotations, standing)
    except (StorageBroken, OSError) as error:  # the node goes on with the keys that it has, and tries again
        raise Unavailable(
            "a step of a rotation could not be written: {error}", where=str(resources.home.keys), error=error
        ) from error
    return [
        events.KEY.draft(use=use_of_file(step.file), key=step.key_id, step=step.step, detail=step.why) for step in moved
    ]


def keys_in_use(resources: Resources, tokens: OfficerTokens) -> list[EntryDraft]:
    """Take up keys and certificates whose files have changed; return an entry for each. Blocks.

    Raises the error of a file that cannot be used; what was in use before stays so.
    """
    taken = resources.keys.refresh(resources.trust.view)
    if any(file == "log" for file, _ in taken):
        for log in (resources.exchange_log, resources.operations_log):
            log.sign_with(resources.keys.log)
    if any(file in ("statement", "tls") or file.startswith("agency-") for file, _ in taken):
        for renew in resources.renewed:
            renew()
    if any(file == TOKEN_ISSUER for file, _ in taken):
        tokens.renew(token_keys(resources.settings, resources.clock, production=False))
    return [events.KEY.draft(use=use_of_file(file), key=key_id, step="in use") for file, key_id in taken]
