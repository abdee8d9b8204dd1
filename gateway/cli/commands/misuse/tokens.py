"""`liaison misuse issue`, `list`, `show`, `withdraw` and `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import handed, option_of, options_of
from gateway.cli.options import NEW_FILE, TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken, usage
from gateway.errors import Stale
from gateway.model.handed.tokens import IssueToken, WithdrawToken
from gateway.ops.desk.token_pictures import check_picture, draw_token
from gateway.ops.desk.tokens import check_offline
from gateway.views.desk.lines import paged_lines
from gateway.views.desk.misuse import checked_lines, said_text, token_lines, tokens_lines

_token = click.argument("carried", metavar="TOKEN", type=TEXT)
_DOCUMENT = "NUMBER:ISSUER"
_qr = click.option("--qr", type=NEW_FILE, help="Draw it as a QR code into this new file (.svg or .png), to be printed.")


@click.command()
@at_the_desk
@option_of(IssueToken, "work")
@click.option("--document", "documents", required=True, multiple=True, metavar=_DOCUMENT,
              help="A document of the person, such as P4471209:THA; up to four.")  # fmt: skip
@option_of(IssueToken, "consent")
@option_of(IssueToken, "until")
@click.option("--idempotency-key", default="", help="The same key returns the first token.")
@_qr
@printed
def issue(bearer: Bearer, documents: tuple[str, ...], idempotency_key: str, qr: Path | None, **given: Any) -> Output:
    """Issue a token: the holder of these documents is not the person of the record that hit.

    \b
    Example:
      liaison misuse issue --home vn --as vn.p.1 --work distinguish.th.5f0c… --document P4471209:THA \\
              --consent "signed paper 12/2026" --qr token.svg

    The text is printed for the person, as it is or as a QR code. It holds hashes of the documents, and no name.
    """
    if qr is not None:
        check_picture(qr)
    body = handed(given | {"documents": [_document(text) for text in documents]})
    return _shown(bearer.call("POST", "misuse", body, key=idempotency_key), qr)


@click.command("list")
@at_the_desk
@page_options
@printed
def list_tokens(bearer: Bearer, limit: int, after: str) -> Output:
    """Tokens of your agency that are in their time.

    \b
    Example:
      liaison misuse list --home vn --as vn.p.1
    """
    found = bearer.call("GET", "misuse", limit=limit, after=after)
    return Output(found, paged_lines(tokens_lines(found["tokens"], spoken()), found["next"], spoken()))


@click.command()
@_token
@at_the_desk
@_qr
@printed
def show(bearer: Bearer, carried: str, qr: Path | None) -> Output:
    """One token by its id, to be printed again.

    \b
    Example:
      liaison misuse show 5f0c… --home vn --as vn.p.1 --qr token.svg
    """
    return _shown(bearer.call("GET", f"misuse/{quote(carried, safe='')}"), qr)


@click.command()
@_token
@at_the_desk
@options_of(WithdrawToken)
@printed
def withdraw(bearer: Bearer, carried: str, **given: Any) -> Output:
    """Withdraw a token by its id: every counterpart is told, and its gates refuse it from then on.

    \b
    Example:
      liaison misuse withdraw 5f0c… --home vn --as vn.p.1 --reason mistaken
    """
    found = bearer.call("POST", f"misuse/{quote(carried, safe='')}/withdraw", handed(given))
    return Output(found, token_lines(found, spoken()))


@click.command()
@_token
@at_the_desk
@click.option("--document", required=True, metavar=_DOCUMENT, help="The document that its holder shows.")
@click.option("--search", "search_id", default="", help="Beside the hits of this search of yours, by the node.")
@printed
def check(bearer: Bearer, carried: str, document: str, search_id: str) -> Output:
    """Check what a token says of the holder of a document. The hit stands in all cases.

    Without --search the signature is verified from the trust folder of the home, without a node; whether its owner has
    withdrawn it, only the node knows.

    \b
    Examples:
      liaison misuse check LN1.eyJp… --home th --document P4471209:THA
      liaison misuse check LN1.eyJp… --home th --as th.o.1042 --document P4471209:THA --search 5f0c…

    Exit code 0 when its owner says "not this person" of this document, 1 otherwise.
    """
    shows = _document(document)
    if search_id:
        found = bearer.call("POST", f"searches/{quote(search_id, safe='')}/token", {"token": carried, **shows})
    else:
        found = check_offline(bearer.home, carried, shows["number"], shows["issuer"].upper())
        found["text"] = said_text(found["verdict"], found["member"], found["until"], spoken())
    return Output(found, checked_lines(found), 0 if found["verdict"] == "not-this-person" else 1)


def _shown(found: dict[str, Any], qr: Path | None) -> Output:
    """Return a token as it is told, once its picture is written. Raises `Stale` for the picture of a withdrawn one."""
    if qr is not None:
        if found["withdrawn"]:
            raise Stale("this token is withdrawn", code="withdrawn", where="token", remedy="liaison misuse list")
        draw_token(found["token"], qr)
    return Output(found, token_lines(found, spoken()))


def _document(text: str) -> dict[str, str]:
    """Return a document as the REST API takes it. Raises `UsageError` without a country."""
    number, _, issuer = text.rpartition(":")
    if not number or not issuer:
        raise usage("--document names number and country, such as P4471209:THA")
    return {"number": number, "issuer": issuer}
