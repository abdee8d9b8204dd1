"""Define the options with which a new home or authority names keys in a security module."""

from __future__ import annotations

from collections.abc import Sequence

import click

from certs.hsm.uri import parse_uri
from gateway.cli.options import together, value_of
from gateway.ops.homes.module_keys import ModuleKeys

module_options = together(
    click.option(
        "--key-uri",
        "key_uris",
        multiple=True,
        metavar="NAME=URI",
        help="A key that exists in a security module: statement=pkcs11:token=…;object=…; repeatable.",
    ),
    click.option("--module", default="", metavar="FILE", help="The maker's PKCS#11 library."),
    click.option("--pin-source", default="", help="Where the PIN is: file:/PATH (mode 0600) or fd:N."),
)


def keys_in_module(uris: Sequence[str], module: str, pin_source: str) -> ModuleKeys:
    """Return the keys of `module_options`. Raises `UsageError` for a text that names no key or no URI."""
    named = {}
    for text in uris:
        name, equals, uri = text.partition("=")
        if not equals or name in named:
            raise click.UsageError(f"--key-uri: give each key once, as NAME=URI, not `{text}`")
        with value_of("--key-uri"):
            parse_uri(uri)
        named[name] = uri
    return ModuleKeys(named, module, pin_source)
