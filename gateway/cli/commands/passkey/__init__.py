"""`liaison passkey`: the passkeys of people who decide on what leaves the country."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_PASSKEY = {
    "enrol": ("passkey.enrolment", "Enrol a person's passkey; two other persons sign."),
    "list": ("passkey.enrolment", "All passkeys, whether they count, and how often they signed."),
    "waiting": (
        "passkey.enrolment",
        "List the passkeys that people made at the console, for two persons to sign.",
    ),
    "options": ("passkey.enrolment", "Write the options with which a person's browser makes a passkey."),
    "public": ("passkey.enrolment", "Write a passkey's public key, for the authority that appoints an auditor."),
    "withdraw": ("passkey.enrolment", "Let a passkey count no more, at once and for good."),
}


@click.group("passkey", cls=LazyGroup, table=_PASSKEY)
def passkey() -> None:
    """Passkeys (WebAuthn) with which people sign exactly the bytes that leave the country.

    \b
    Examples:
      liaison passkey options --home th --person th.d.7 --out options.json   # for navigator.credentials.create
      liaison passkey enrol --home th --options options.json --response response.json \\
              --reason "new duty officer" --key adm.key --key data1.key
      liaison passkey list --home th
      liaison passkey withdraw --home th --credential Vx3k --reason "lost" --key adm.key

    Of the two who sign an enrolment one is an administrator or approver, and neither is the person whose passkey it is.
    The entry of the enrolment keeps the public key, so that an auditor proves offline whose authenticator signed.
    """
