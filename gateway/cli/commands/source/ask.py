"""`liaison source ask`: one source, without a node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from adapters.base import Adapter
from adapters.check.asked import ask_source, by_mapping
from adapters.load import open_source
from gateway.cli.inputs.questions import one_question, question_options
from gateway.cli.options import NEW_FOLDER, access_option, show_option, source_address
from gateway.cli.output import Output, printed, working
from gateway.cli.speech import usage
from gateway.clock import Clock, SystemClock
from gateway.model.query import OF_AGENCIES, QUERIES
from gateway.model.strictness import Strictness
from gateway.ops.sources.status import kept_sources
from gateway.views.lines.mapping import asked_lines

_KINDS = tuple(kind for kind in QUERIES if kind in OF_AGENCIES)


@click.command()
@click.argument("source")
@click.option("--home", type=NEW_FOLDER, help="The home that SOURCE is of, when it is an id and no mapping.")
@click.option("--url", default="", callback=source_address, help="Where SOURCE is; `url` in the mapping by default.")
@access_option
@question_options(_KINDS)
@click.option(
    "--strictness", default="usual", show_default=True, type=click.Choice([each.value for each in Strictness])
)
@show_option
@printed
def ask(
    source: str, home: Path | None, url: str, access: Path | None, strictness: str, show: bool, **question: Any
) -> Output:
    """Ask a source without a node: what it finds, why, and the records. SOURCE is a mapping, or an id with --home.

    \b
    Examples:
      liaison source ask th_police.toml --url sqlite:////srv/police.sqlite --name "สมชาย ใจดี" --birth 1984
      liaison source ask th.police.records --home th --document AA1234567 --show

    No policy is asked and nothing is logged: this shows what the source holds, not what would leave. With a mapping,
    an index of all rows is built in a temporary folder; with --home that of the home is used. Exit code 1 when nothing
    in the source is found by such a question, so that it was not searched.
    """
    clock = SystemClock()
    query = one_question(_KINDS, question)
    with working("asking the source"), _opened(source, home, url, access, clock) as adapter:
        asked = ask_source(adapter, query, Strictness(strictness), clock).as_value(show=show)
    return Output(asked, asked_lines(asked), 0 if asked["searched"] else 1)


@contextmanager
def _opened(source: str, home: Path | None, url: str, access: Path | None, clock: Clock) -> Iterator[Adapter]:
    if home is None:
        if not Path(source).is_file():
            raise usage("{source} is not the file of a mapping; the id of a source needs --home", source=source)
        with by_mapping(Path(source), url, access, clock) as adapter:
            yield adapter
        return
    if url or access:
        raise usage("--home says where the source is: leave --url and --access out")
    (kept,) = kept_sources(home, source, clock)
    if kept.place is None:
        raise usage("{source} runs in a process of its own: ask it at its home", source=source)
    with closing(open_source(kept.place)) as adapter:
        yield adapter
