"""The catalogues of sentences and the tables of dates and countries, from the program and CLDR (`make generated`).

A catalogue holds every sentence that an officer meets: the values of tables of `Sentences`, the templates of `tell`,
those of `_` in the console's pages, and the errors of the modules in `OFFICERS`: also those that a function makes of
a sentence that it is handed (`makers`). Other errors have their code's general sentence in other languages.
"""

from __future__ import annotations

import ast
import io
import json
import re
import string
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel import Locale
from babel.core import get_global
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

import gateway.errors
from gateway.errors import LiaisonError
from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import OTHERS, Language
from tests.support.shared import PROJECT

PAGES = PROJECT / "gateway" / "console" / "templates"
FOLDERS = ("gateway", "adapters", "bridges", "policy", "certs")
OFFICERS = (
    "gateway/agency/api.py",
    "gateway/agency/calls/caller.py",
    "gateway/agency/bodies/requests.py",
    "gateway/cli/client.py",
    "gateway/cli/officers.py",
    "gateway/console/audit/check.py",
    "gateway/console/frame/forms.py",
    "gateway/console/pages/threads/decision.py",
    "gateway/console/pages/threads/doing.py",
    "gateway/console/pages/threads/follow_up.py",
    "gateway/console/pages/threads/question.py",
    "gateway/console/pages/threads/reasons.py",
    "gateway/console/pages/threads/signing.py",
    "gateway/console/pages/alerts/lasting.py",
    "gateway/console/pages/alerts/outcome.py",
    "gateway/console/pages/alerts/own.py",
    "gateway/console/pages/alerts/raising.py",
    "gateway/console/pages/alerts/taken.py",
    "gateway/console/pages/holders.py",
    "gateway/console/pages/misuse/issuing.py",
    "gateway/console/pages/misuse/one.py",
    "gateway/console/pages/watches/board.py",
    "gateway/console/pages/watches/follow.py",
    "gateway/console/pages/watches/own.py",
    "gateway/desk/alerts/checks.py",
    "gateway/desk/alerts/own.py",
    "gateway/desk/alerts/taken.py",
    "gateway/desk/alerts/values.py",
    "gateway/desk/evidence/deciders.py",
    "gateway/desk/misuse/issuing.py",
    "gateway/desk/originator/changing.py",
    "gateway/desk/own/acts.py",
    "gateway/desk/oversight/freezing.py",
    "gateway/desk/oversight/frozen.py",
    "gateway/desk/reports/own.py",
    "gateway/desk/roles.py",
    "gateway/desk/rooms/acts.py",
    "gateway/desk/watches/checks.py",
    "gateway/desk/watches/goods.py",
    "gateway/desk/watches/own.py",
    "gateway/desk/watches/values.py",
    "gateway/desk/watches/wide.py",
    "gateway/desk/acting/once.py",
    "gateway/desk/worklist/queue.py",
    "gateway/desk/worklist/reading.py",
    "gateway/exchange/asking/ask.py",
    "gateway/exchange/asking/searches.py",
    "gateway/model/desk/watches.py",
    "gateway/model/forms/phones.py",
    "gateway/model/handed/searches.py",
    "gateway/model/names.py",
    "gateway/model/values.py",
    "gateway/ops/mandate/brought_export.py",
    "gateway/records/identifiers/query_forms.py",
    "policy/explain.py",
)
"""Modules whose own errors an officer reads."""

FORMS = ("gateway/model/handed/", "gateway/model/desk/notices.py")
"""Hold forms: pages show their labels."""

_SPOKEN = ("Sentences", "tell(", "usage(", "Term(")
"""Hold what stands in a module with sentences for people."""

MAKES_ERRORS = "gateway.errors"
"""Stands in a module that imports an error, as each does that makes one."""

ERRORS = frozenset(
    name for name, value in vars(gateway.errors).items() if isinstance(value, type) and issubclass(value, LiaisonError)
)
DATES = CATALOGUES / "dates.json"
COUNTRIES = CATALOGUES / "countries.json"
REVIEWED = CATALOGUES / "reviewed.json"
_CLDR_PARTS = {"d": "{day}", "M": "{number}", "MMMM": "{month}", "EEEE": "{weekday}"}
_THAI_YEAR = "พ.ศ. {buddhist} (ค.ศ. {year})"
_WIDTH = 110
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in compiled catalogues, so that the same catalogue has the same bytes."""

_HEAD = """\
# How to correct this catalogue: docs/guides/languages.md
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"X-Reviewed: {reviewed}\\n"

"""


@cache
def sources() -> dict[str, str]:
    """Return the text of each module, by its path in the project."""
    paths = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py"))
    return {str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8") for path in paths}


@cache
def tree_of(path: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(sources()[path])


def modules(*having: str) -> dict[str, ast.Module]:
    """Return the syntax tree of each module whose text has one of these words in it, by its path in the project.

    Reading a tree takes long, and most modules say nothing of what is looked for.
    """
    return {path: tree_of(path) for path, text in sources().items() if any(word in text for word in having)}


def text_of(node: ast.AST | None) -> str:
    """Return the text of a constant, or nothing."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def called(node: ast.AST) -> str:
    """Return the name of the function that is called."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _called_by_any_way(node: ast.AST) -> str:
    """Return the name of the function or method that is called."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else called(node)


def templates_of(node: ast.expr | None, *scopes: ast.AST) -> Iterator[ast.expr]:
    """Yield what a message can be: itself, the sides of a choice or of an `or`, and what is assigned to its name.

    The name is looked for in the first of `scopes` that assigns it: the function, then the module.
    """
    if isinstance(node, ast.IfExp):
        yield from (*templates_of(node.body, *scopes), *templates_of(node.orelse, *scopes))
    elif isinstance(node, ast.BoolOp):
        yield from (each for value in node.values for each in templates_of(value))
    elif isinstance(node, ast.Name):
        found: list[ast.expr] = next(filter(None, (_assigned(node.id, scope) for scope in scopes)), [])
        for value in found:
            yield from templates_of(value)
        if not found:
            yield node
    elif node is not None:
        yield node


def _assigned(name: str, scope: ast.AST) -> list[ast.expr]:
    parts = scope.body if isinstance(scope, ast.Module) else ast.walk(scope)
    return [
        part.value
        for part in parts
        if isinstance(part, ast.Assign) and any(isinstance(each, ast.Name) and each.id == name for each in part.targets)
    ]


def error_names(tree: ast.Module) -> frozenset[str]:
    """Return the errors that a module imports; another class may bear the name of one."""
    imported = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "gateway.errors")
    return ERRORS & {alias.name for node in imported for alias in node.names}


@cache
def errors(tree: ast.Module) -> list[tuple[ast.Call, ast.AST]]:
    """Return each call that makes an error, with the function that it is in."""
    return _calls(tree, error_names(tree), called)


def _calls(
    tree: ast.Module, names: Collection[str], name_of: Callable[[ast.AST], str]
) -> list[tuple[ast.Call, ast.AST]]:
    found = []

    def visit(node: ast.AST, scope: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call) and name_of(child) in names:
                found.append((child, scope))
            visit(child, child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else scope)

    visit(tree, tree)
    return found


def told_by(call: ast.Call) -> list[ast.expr]:
    """Return the message of an error and its remedy."""
    return [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "remedy")]


def table_values(tree: ast.Module) -> Iterator[str]:
    """Yield the sentences of the tables of a module."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        if isinstance(node.annotation, ast.Name) and node.annotation.id == "Sentences":
            yield from filter(None, map(text_of, node.value.values))


def spoken_templates(tree: ast.Module) -> Iterator[str]:
    """Yield what is handed to `tell`, `usage` and `Term`."""
    places = {"tell": 1, "usage": 0, "Term": 0}
    for node in ast.walk(tree):
        place = places.get(called(node))
        if isinstance(node, ast.Call) and place is not None and len(node.args) > place:
            yield from filter(None, map(text_of, templates_of(node.args[place], tree)))


def _parameters(scope: ast.AST) -> dict[str, ast.expr | None]:
    """Return the parameters of a function as a caller sees them, in their order, with their defaults."""
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return {}
    placed = [*scope.args.posonlyargs, *scope.args.args]
    defaults = [*[None] * (len(placed) - len(scope.args.defaults)), *scope.args.defaults, *scope.args.kw_defaults]
    names = (each.arg for each in (*placed, *scope.args.kwonlyargs))
    return {name: default for name, default in zip(names, defaults, strict=True) if name not in {"self", "cls"}}


@cache
def makers(tree: ast.Module) -> dict[str, dict[str, int]]:
    """Return each function of a module that makes an error of texts that it is handed: their parameters and places."""
    found: dict[str, dict[str, int]] = {}
    for call, scope in errors(tree):
        places = {name: place for place, name in enumerate(_parameters(scope))}
        handed = {each.id for part in told_by(call) for each in templates_of(part, scope) if isinstance(each, ast.Name)}
        for name in handed & places.keys():
            found.setdefault(getattr(scope, "name", ""), {})[name] = places[name]
    return found


@cache
def _officers_makers() -> dict[str, dict[str, int]]:
    return {name: places for path in OFFICERS for name, places in makers(tree_of(path)).items()}


def _reached_makers(tree: ast.Module) -> dict[str, dict[str, int]]:
    """Return the makers that a module can call: its own, those that it imports, and methods of a subclass."""
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    paths = [f"{node.module.replace('.', '/')}.py" for node in imported if node.module]
    theirs = [makers(tree_of(path)) for path in paths if MAKES_ERRORS in sources().get(path, "")]
    return {name: places for table in (_officers_makers(), *theirs, makers(tree)) for name, places in table.items()}


def error_parts(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what messages and remedies of a module's errors can be; a parameter that is handed on is at its callers."""
    for call, scope in errors(tree):
        parameters = _parameters(scope)
        for part in told_by(call):
            for each in templates_of(part, scope, tree):
                default = parameters.get(each.id) if isinstance(each, ast.Name) else None
                if default is not None or not isinstance(each, ast.Name) or each.id not in parameters:
                    yield default or each
    reached = _reached_makers(tree)
    for call, scope in _calls(tree, reached, _called_by_any_way):
        for name, place in reached[_called_by_any_way(call)].items():
            for part in (*call.args[place : place + 1], *(each.value for each in call.keywords if each.arg == name)):
                yield from templates_of(part, scope, tree)


def error_templates(tree: ast.Module) -> Iterator[str]:
    """Yield the templates of messages and remedies of a module's errors."""
    yield from filter(None, map(text_of, error_parts(tree)))


@dataclass(frozen=True)
class SentenceCall:
    """A call of `_` in a template: the sentences that it can tell, whether there can be others, and its facts."""

    sentences: tuple[str, ...]
    is_open: bool
    facts: frozenset[str]


@cache
def sentence_calls(path: Path) -> list[SentenceCall]:
    """Return each call of `_` in a template, as Jinja reads it."""
    calls = Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call)
    found = [call for call in calls if isinstance(call.node, nodes.Name) and call.node.name == "_"]
    return [SentenceCall(*_constants(call), frozenset(each.key for each in call.kwargs)) for call in found]


def _constants(call: nodes.Call) -> tuple[tuple[str, ...], bool]:
    """Return the texts that the only argument of a call can be, and whether it can be something else."""
    waiting, texts, is_open = (
        list(call.args),
        list[str](),
        len(call.args) != 1 or bool(call.dyn_args or call.dyn_kwargs),
    )
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, nodes.CondExpr):
            waiting += [node.expr1, *filter(None, [node.expr2])]
        elif isinstance(node, nodes.Const) and isinstance(node.value, str):
            texts.append(node.value)
        else:
            is_open = True
    return tuple(texts), is_open


def labels(tree: ast.Module) -> Iterator[str]:
    """Yield what pages say of the fields of forms: their labels, and the sentences that stand below fields, too."""
    for node in ast.walk(tree):
        said = {each.arg: each.value for each in node.keywords} if isinstance(node, ast.Call) else {}
        if {"label", "help"} & said.keys():
            yield from filter(None, (text_of(said.get("label")), text_of(said.get("help")) if "hint" in said else ""))


@cache
def officer_sentences() -> dict[str, list[str]]:
    """Return each sentence that an officer meets, with the modules and pages that it stands in."""
    found: dict[str, list[str]] = {}
    for path, source in sources().items():
        is_officers, is_form = path in OFFICERS, path.startswith(FORMS)
        if not is_officers and not is_form and not any(word in source for word in _SPOKEN):
            continue
        tree = tree_of(path)
        texts = {*table_values(tree), *spoken_templates(tree)}
        if is_officers:
            texts |= {*error_templates(tree)}
        if is_form:
            texts |= {*labels(tree)}
        for text in texts:
            found.setdefault(text, []).append(path)
    for page in sorted(PAGES.rglob("*.html")):
        for text in {text for call in sentence_calls(page) for text in call.sentences}:
            found.setdefault(text, []).append(str(page.relative_to(PROJECT)))
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def placeholders(template: str) -> set[str]:
    """Return the names of the placeholders of a template."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def read_catalogue(language: Language) -> Catalog:
    """Return the catalogue of a language as it is committed, empty where there is none."""
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language.value)
    with path.open("rb") as file:
        return read_po(file, locale=language.value)


def reviewed(language: Language) -> bool:
    """Return whether a native reader has read the catalogue, as its header says."""
    path = CATALOGUES / f"{language}.po"
    return path.exists() and '"X-Reviewed: true\\n"' in path.read_text(encoding="utf-8")


def missing_translations() -> dict[str, int]:
    """Return for each language how many sentences of the whole tree it lacks, errors of every module included."""
    wanted = set(officer_sentences())
    for tree in modules(MAKES_ERRORS).values():
        wanted |= {*error_templates(tree)}
    catalogues = {language.value: read_catalogue(language) for language in OTHERS}
    return {name: sum(not _translated(catalogue, text) for text in wanted) for name, catalogue in catalogues.items()}


def _translated(catalogue: Catalog, text: str) -> str:
    for known in (catalogue.get(text), catalogue.obsolete.get(text)):
        if known is not None and not known.fuzzy and known.string:
            return str(known.string)
    return ""


def po_bytes(language: Language) -> bytes:
    """Return the catalogue as it should be: every sentence, in the order of the modules, with its translation."""
    old, new, sentences = read_catalogue(language), Catalog(locale=language.value), officer_sentences()
    for text, paths in sentences.items():
        new.add(text, _translated(old, text), auto_comments=paths)
    for text in sorted({*(str(each.id) for each in old if each.id), *map(str, old.obsolete)} - set(sentences)):
        if said := _translated(old, text):
            new.obsolete[text] = Message(text, said)
    written = io.BytesIO()
    write_po(written, new, width=_WIDTH, omit_header=True)
    head = _HEAD.format(language=language.value, reviewed="true" if reviewed(language) else "false")
    return head.encode() + written.getvalue()


def mo_bytes(language: Language) -> bytes:
    """Return the compiled form of the committed catalogue."""
    catalogue, written = read_catalogue(language), io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    write_mo(written, catalogue)
    return written.getvalue()


def dates_text() -> str:
    """Return the table of month names and of the form of a day, from CLDR."""
    table = {}
    for language in Language:
        locale = Locale.parse("en_GB" if language is Language.EN else language.value)
        year = _THAI_YEAR if language is Language.TH else "{year}"
        table[language.value] = {
            "months": [locale.months["format"]["wide"][number] for number in range(1, 13)],
            "weekdays": [locale.days["format"]["wide"][number] for number in range(7)],
            "day": _day_form(locale, "long", year),
            "named_day": _day_form(locale, "full", year),
            "year": year,
        }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def _day_form(locale: Locale, length: str, year: str) -> str:
    """Return a form of CLDR with our placeholders; the era stands in our own form of the year."""
    pattern = re.sub(r"'([^']*)'", r"\1", locale.date_formats[length].pattern.replace("G ", ""))
    return re.sub(r"EEEE|MMMM|[dMy]", lambda found: year if found[0] == "y" else _CLDR_PARTS[found[0]], pattern)


def countries_text() -> str:
    """Return the table of countries from CLDR, one a line: their codes (ISO 3166-1), and their names by language.

    The older name of Myanmar in brackets is left out, and so are break marks, which pages show as hidden characters.
    Viet Nam has the English name of ISO 3166-1, which it gives itself, and Kosovo ICAO's code as well.
    """
    locales = {language.value: Locale.parse("en_GB" if language is Language.EN else language) for language in Language}
    codes: dict[str, list[str]] = {}
    for code, now in get_global("territory_aliases").items():
        if len(code) == 3 and code.isalpha() and len(now) == 1:
            codes.setdefault(now[0], []).append(code)
    codes["XK"].append("RKS")
    rows = []
    for code in sorted(codes.keys() & locales["en"].territories):
        names = {name: locale.territories[code].replace("\u200b", "") for name, locale in locales.items()}
        if code == "MM":
            names = {name: said.partition(" (")[0] for name, said in names.items()}
        if code == "VN":
            names["en"] = "Viet Nam"
        rows.append(json.dumps({"codes": [code, *sorted(codes[code])], "names": names}, ensure_ascii=False))
    return "[\n" + ",\n".join(rows) + "\n]\n"


def reviewed_text() -> str:
    """Return the list of languages whose catalogue a native reader has read; compiled catalogues do not tell it."""
    return json.dumps([language.value for language in OTHERS if reviewed(language)]) + "\n"
