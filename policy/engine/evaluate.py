"""Evaluate a request: find the policies that match, and let each layer judge them. Any error is a denial.

Cedar is asked once for a request, for both layers together: most of a decision's cost is reading the context. Its
result for each policy is kept, and Cedar is asked again only if a value is new (`policy.engine.memory`).
For both, each policy is loaded as a permit (`bundle.matcher`), so that Cedar names all that match, and its own rule
is applied here for each layer separately: some permit matches, and no forbid does. A forbid with `@withhold` keeps
back fields and not the record. `tests/unit/policy/engine/test_engine.py` holds this to Cedar's own decisions.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType

import cedarpy

from policy import explain
from policy.bundle.bundle import Bundle, Layer, Matcher
from policy.bundle.rules import Policy
from policy.engine.memory import LIMIT, PRINCIPAL, RESOURCE, Accepted, Domains, Memory, Shared, reads, slices_of
from policy.engine.request import Request

_UNKNOWN = re.compile(r"entity `(\w+)::")
_CODE_OF_UNKNOWN: Mapping[str, str] = MappingProxyType(
    {
        "Role": explain.ROLE_NOT_ALLOWED,
        "Purpose": explain.PURPOSE_NOT_COVERED,
        "Offence": explain.OFFENCE_NOT_COVERED,
        "Query": explain.QUERY_NOT_COVERED,
        "RecordType": explain.RECORD_NOT_COVERED,
        "Notice": explain.POLICY_DENIES,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One layer's verdict: by the policies called `names` it allows or denies; of them, `withholding` keep fields.

    `codes` are the refusals that the denying policies give.
    """

    layer: Layer
    allow: bool
    names: tuple[str, ...]
    withholding: tuple[Policy, ...] = ()
    codes: frozenset[str] = frozenset()

    @property
    def silent(self) -> bool:
        """True if no policy of the layer matches, permit or forbid."""
        return self.names == (self.layer.named("default"),) and not self.allow

    @property
    def permits(self) -> tuple[Policy, ...]:
        """The policies that permitted; none when the layer denies."""
        policies = [self.layer.by_name[name] for name in self.names] if self.allow else []
        return tuple(policy for policy in policies if policy.permit)


class Evaluator:
    """Asks Cedar, always with the schema, and parses nothing twice."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._entities = cedarpy.Entities.from_json_str("[]")
        layers = (bundle.base, bundle.national)
        self._reads = {name: dict(reads(p.body)) for layer in layers for name, p in layer.by_name.items()}
        self._memories: dict[tuple[str, str], Memory] = {}
        self._shared: dict[str, Shared] = {}
        self._judged: dict[tuple[str, ...], tuple[Verdict, Verdict]] = {}
        self._making = threading.Lock()

    def copy(self) -> Evaluator:
        """Return an evaluator that knows what this one knows; from then on each learns for itself."""
        made = copy(self)
        made._making = threading.Lock()
        made._judged = dict(self._judged)
        made._shared = {action: shared.copy() for action, shared in self._shared.items()}
        made._memories = {
            (action, resource): memory.copy(made._shared[action])
            for (action, resource), memory in self._memories.items()
        }
        return made

    def verdicts(self, request: Request) -> tuple[Verdict, Verdict]:
        """Return the verdicts of base and national policy."""
        layers = self._bundle.base, self._bundle.national
        place = request.action, request.resource
        matcher = self._bundle.matchers.get(place)
        if matcher is None:
            codes = frozenset({_CODE_OF_UNKNOWN[request.kind]})
            return _failed(layers[0], codes), _failed(layers[1], codes)
        memory = self._memory(matcher, request)
        names = memory.recall(request.principal, request.context)
        if names is None:
            names, errors = self._matching(matcher, request)
            if errors:
                codes = _codes_of(errors)
                return _failed(layers[0], codes), _failed(layers[1], codes)
            memory.keep(request.principal, request.context, names)
        return self._judge(tuple(names))

    def fill(self, sample: Request, domains: Domains) -> Iterator[None]:
        """Ask Cedar ahead for the possible outcomes of requests like `sample`; each step is one question to it.

        `domains` holds the possible words of attributes and principal.
        """
        matcher = self._bundle.matchers[sample.action, sample.resource]
        memory = self._memory(matcher, sample)
        for number, gap in enumerate(memory.gaps(domains)):
            values = {path: words[number % len(words)] for path, words in domains.items() if path not in _sets(sample)}
            values |= {path: frozenset() for path in _sets(sample)} | gap
            principal = values.pop(PRINCIPAL)
            request = Request(principal, sample.action, sample.kind, sample.resource, values)
            names, errors = self._matching(matcher, request)
            if not errors:
                memory.keep(principal, values, names)
            yield

    def _judge(self, matching: tuple[str, ...]) -> tuple[Verdict, Verdict]:
        """Return what both layers say where these policies match; of many requests it is the same ones."""
        found = self._judged.get(matching)
        if found is None:
            if len(self._judged) >= LIMIT:
                self._judged.clear()
            found = _verdict(self._bundle.base, matching), _verdict(self._bundle.national, matching)
            self._judged[matching] = found
        return found

    def _memory(self, matcher: Matcher, request: Request) -> Memory:
        place = request.action, request.resource
        memory = self._memories.get(place)
        if memory is None:
            everywhere = {name: self._reads[name] for name in matcher.names if RESOURCE not in self._reads[name]}
            here = {
                name: {path: literals for path, literals in self._reads[name].items() if path != RESOURCE}
                for name in matcher.names
                if name not in everywhere
            }
            with self._making:
                if request.action not in self._shared:
                    shared = Shared(slices_of(everywhere, request.context), Accepted(request.context))
                    self._shared[request.action] = shared
            memory = Memory(slices_of(here, request.context), self._shared[request.action])
            self._memories[place] = memory
        return memory

    def _matching(self, matcher: Matcher, request: Request) -> tuple[list[str], list[str]]:
        try:
            result = cedarpy.is_authorized(request.as_cedar(), matcher.policies, self._entities, self._bundle.schema)
        except Exception as error:  # noqa: BLE001 - any fault in Cedar must end in a denial
            return [], [str(error)]
        return sorted(result.diagnostics.reasons), result.diagnostics.errors


def _sets(request: Request) -> frozenset[str]:
    """Return the paths of attributes that hold a set."""
    return frozenset(path for path, value in request.context.items() if isinstance(value, frozenset))


def _verdict(layer: Layer, matching: Iterable[str]) -> Verdict:
    """Apply Cedar's rule: allowed when a permit matches and no forbid does; denied when nothing matches."""
    found = [(name, layer.by_name[name]) for name in matching if name in layer.by_name]
    withholding = tuple(policy for _, policy in found if policy.withhold)
    forbids = [(name, policy) for name, policy in found if not policy.permit and not policy.withhold]
    if forbids or not any(policy.permit for _, policy in found):
        names = tuple(name for name, _ in forbids) or (layer.named("default"),)
        return Verdict(layer, False, names, withholding, frozenset(policy.code for _, policy in forbids) - {""})
    names = tuple(name for name, policy in found if policy.permit or policy.withhold)
    return Verdict(layer, True, names, withholding)


def _failed(layer: Layer, codes: frozenset[str]) -> Verdict:
    return Verdict(layer, False, (layer.named("error"),), (), codes)


def _codes_of(errors: list[str]) -> frozenset[str]:
    """Return the refusal for a value that is on no list; empty for other errors."""
    kinds = {kind for error in errors for kind in _UNKNOWN.findall(error)}
    return frozenset(_CODE_OF_UNKNOWN[kind] for kind in kinds if kind in _CODE_OF_UNKNOWN)
