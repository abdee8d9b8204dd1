"""Look for the names of persons of our own sources in a text: in any script, also written without blanks.

That is a question: it takes a purpose, a case and a policy that allows to ask for persons, it is limited, an entry
tells of it, and it finds no one of whom its author could not learn otherwise.

Parts of the text that may be names are looked up in the sources' key indexes, by the normal forms of all searches. Only
the author's own node does this: what a counterpart's report says is never compared with our persons, since the refusal
would tell who they are.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from gateway.desk.reports.folding import Folded, folded
from gateway.desk.reports.traces import outermost
from gateway.desk.reports.values import Trace
from gateway.errors import LiaisonError, Malformed, Overloaded, Unsupported
from gateway.exchange.answering.constant_work import as_ours_see
from gateway.exchange.parts import Parts
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.matching.scripts.detect import begins_word, script_of
from gateway.model.handed.reports import WriteReport
from gateway.model.query import QueryKind
from gateway.model.requester import Officer
from gateway.ports.sources import NamingSource, Source, SourceDescription
from gateway.throttle import Rates
from policy.attributes import AskAttributes
from policy.explain import forbidden

MOST_AN_HOUR = 30
"""The reports in which names are looked up for one officer, at once after a pause and then in each hour."""

NAME = "name"
"""The kind of a trace that is the name of a person of ours."""

_HOUR_S = 3_600.0
_UNSPACED: Mapping[str, tuple[int, int]] = {
    "Thai": (4, 13),
    "Laoo": (3, 13),
    "Khmr": (3, 12),
    "Mymr": (2, 10),
    "Hani": (2, 4),
}
"""The fewest and most clusters of a name, in scripts that are written without blanks between words."""

_BLANKS = r"[\s.\-·・_'’,]"
_BLOCKS = (r"\u0e01-\u0e4e", r"\u0e81-\u0ede", r"\u1780-\u17d3", r"\u1000-\u109f", r"\u3400-\u9fff")
_RUN = re.compile("|".join(rf"[{block}]+(?:[\s·]{{1,2}}[{block}]+)*" for block in _BLOCKS))
_WORD = re.compile(rf"[^\W\d_](?:{_BLANKS}[^\W\d_](?![^\W\d_])){{3,}}|[^\W\d_]+(?:['’][^\W\d_]+)*")
_LETTER_AS_FIGURE = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "@": "a", "$": "s"})
_HIDDEN = re.compile(r"(?<=[A-Za-z])[01345@$](?=[A-Za-z])")
_MOST_WORDS, _LEAST_JOINED = 4, 7
_ASIDE = 4
"""The most signs between two words of one name."""

_AT_ONCE = 64
_ASAT, _COENG = "\u103a", "\u17d2"


class NamesAsked:
    """Looks the names in a report up for its author."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rates = Rates(MOST_AN_HOUR / _HOUR_S, parts.clock.monotonic, _HOUR_S)

    def check_allowed(self, officer: Officer, command: WriteReport) -> None:
        """Raise for a report without a case, for an officer whom policy does not let ask, or who asks too often."""
        if not command.case:
            raise Malformed(
                "a case number is required: names in a report are looked up", code="missing-case", where="case"
            )
        asked = AskAttributes(
            role=officer.role,
            agency=officer.agency,
            office=officer.office,
            query=QueryKind.PERSON.value,
            purpose=command.purpose.value,
            offence=command.offence.value,
            has_case=True,
            has_ticket=False,
            purpose_in_token=command.purpose.value in officer.purposes,
        )
        decision = self._parts.policy().may_ask(asked, self._parts.clock.now_us())
        if not decision.allow:
            raise forbidden(decision.code, asked)
        if not self._rates.admits(officer.person):
            raise Overloaded(
                "names are looked up in {most} reports of an officer in an hour",
                code="officer-rate",
                where="report",
                remedy="wait some minutes; what was looked up is in the log",
                most=MOST_AN_HOUR,
            )

    def traces(
        self, officer: Officer, texts: Iterable[tuple[str, str]], walls: Iterable[Bulkhead]
    ) -> tuple[list[Trace], tuple[str, ...]]:
        """Return the places of texts (by field) that are names of persons of whom an officer may learn, and the sources
        that could not be asked."""
        seen = partial(as_ours_see, member=self._parts.member, officer=officer)
        return traces_of_names(texts, [(wall.description, wall.source) for wall in walls], seen)


def traces_of_names(
    texts: Iterable[tuple[str, str]],
    sources: Iterable[tuple[SourceDescription, Source]],
    see: Callable[[Source], Source] = lambda source: source,
) -> tuple[list[Trace], tuple[str, ...]]:
    """Return the places of texts (by field) that are names of persons, and the sources that could not be asked.

    `see` returns what the author sees of a source.
    """
    windows = list(_windows(texts))
    found: list[Trace] = []
    unchecked = []
    for description, source in sources:
        if "person" not in {kind.value for kind in description.queries}:
            continue
        try:
            found += _asked(see(source), windows)
        except LiaisonError:
            unchecked.append(description.id)
    return outermost(found), tuple(sorted(unchecked))


def _asked(source: Source, windows: Sequence[tuple[str, Trace]]) -> list[Trace]:
    if not isinstance(source, NamingSource):
        raise Unsupported("this source does not look for names in texts", where=source.describe().id)
    found = []
    rest = iter(windows)
    while some := list(islice(rest, _AT_ONCE)):
        told = source.names_among([text for text, _ in some])
        found += [trace for (_, trace), is_name in zip(some, told, strict=True) if is_name]
        time.sleep(0)  # what answers a counterpart goes first
    return found


def _windows(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Trace]]:
    for field, text in texts:
        read = folded(text)
        for name, start, end in (*_joined_names(read), *_spaced_names(read)):
            yield name, Trace(field, *read.span(start, end), NAME)


def _joined_names(read: Folded) -> Iterator[tuple[str, int, int]]:
    """Yield the parts of runs of scripts without blanks that may be names, with their places in the folded text."""
    for run in _RUN.finditer(read.text):
        letters = [(sign, run.start() + place) for place, sign in enumerate(run[0]) if sign not in " \u3000·\t\n"]
        signs = "".join(sign for sign, _ in letters)
        least, most = _UNSPACED.get(script_of(signs[0]), (2, 4))
        starts = [place for place in range(len(signs)) if _begins(signs, place)] + [len(signs)]
        for number, start in enumerate(starts[:-1]):
            for end in starts[number + least : number + most + 1]:
                yield signs[start:end], letters[start][1], letters[end - 1][1] + 1


def _begins(signs: str, place: int) -> bool:
    """Tell whether a name may begin, or the one before it may end, at a sign."""
    if not begins_word(signs[place]) or (place and signs[place - 1] == _COENG):
        return False
    return signs[place + 1 : place + 2] != _ASAT


def _spaced_names(read: Folded) -> Iterator[tuple[str, int, int]]:
    """Yield one to four words that follow each other; also words whose letters are apart."""
    text = _HIDDEN.sub(lambda sign: sign[0].translate(_LETTER_AS_FIGURE), read.text)
    words = [
        (re.sub(_BLANKS, "", match[0]), *match.span())
        for match in _WORD.finditer(text)
        if script_of(match[0][0]) not in _UNSPACED
    ]
    for number, (word, start, end) in enumerate(words):
        if len(word) >= _LEAST_JOINED:
            yield word, start, end
        said = word
        for following, begin, last in words[number + 1 : number + _MOST_WORDS]:
            if begin - end > _ASIDE:
                break
            said, end = f"{said} {following}", last
            yield said, start, end
