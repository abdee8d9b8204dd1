"""Rewrites citations of older forms into those of `citations`; to be run once, then deleted.

`python -m tests.support.citations_rewrite [ROOT]` changes comments, docstrings, ids of parameters and names of tests of
duties in Python files, and the older documents. It knows no module's path, and a second run changes nothing. It prints
what it changed, lines that are too long and cannot be wrapped here, and what is still unresolved.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Final

from tests.support.citations import ROOT, cited_files, find_unresolved, prose_of

WIDTH: Final = 120

_NEW_PAGES = {"threat-cases.md", "facts.md", "duties.md", "domain.md", "glossary.md", "design.md"}

DUTY_TESTS: Final = (
    "test_l1_each_hit_no_hit_refusal_and_silence_has_exactly_one_entry_at_each_side",
    "test_l1_a_switch_has_exactly_one_entry_and_what_it_refuses_one_each",
    "test_l2_an_entry_says_who_what_why_under_what_and_with_what_result",
    "test_l3_a_question_without_purpose_or_case_is_refused_and_that_is_logged",
    "test_l4_what_was_searched_for_is_in_no_file_in_clear",
    "test_l5_both_sides_log_under_one_exchange_id_and_the_same_hashes",
    "test_l6_each_side_holds_a_signed_head_of_the_other_over_the_exchange",
    "test_l7_a_verifier_in_a_process_of_its_own_finds_one_altered_entry",
    "test_l9_a_hold_of_two_approvers_stops_erasure_until_they_lift_it",
    "test_l12_",
    "test_l24_",
    "test_l26_",
    "test_l27_",
)
"""Names, or beginnings of names that no case has: the other `test_l…` are tests of cases."""

# What no rule below gets right, by its words. A space stands for any white space, and for a line of a comment.
_PHRASES: Final = (
    # Of the invariants.
    ("I1 to I3 of the invariants, against", "INVARIANT-1 to INVARIANT-3, against"),
    ("I1 to I3: answered", "INVARIANT-1 to INVARIANT-3: answered"),
    ("I1 to I3, over all", "INVARIANT-1 to INVARIANT-3, over all"),
    ("(invariants I1, I2, I3 and I5)", "(INVARIANT-1, INVARIANT-2, INVARIANT-3 and INVARIANT-5)"),
    # Of duties, without a word that says so.
    ("with an erasure clock of its own (L11)", "with an erasure clock of its own (DUTY-L11)"),
    ("with nothing but commands (L26, H8)", "with nothing but commands (DUTY-L26, CASE-H8)"),
    # Of facts and rules.
    ("(facts 1 and 2)", "(FACT-1 and FACT-2)"),
    ("Fact 9: a member", "FACT-9: a member"),
    ("Fact 19: a log", "FACT-19: a log"),
    ("Rule 9: an unknown marking", "RULE-MARKING-9: an unknown marking"),
    ("(domain rule 5)", "(RULE-MARKING-5)"),
    # Of groups of cases.
    ("Group B of the threat cases, for", "CASE-B for"),
    ("Group C of the threat cases, for", "CASE-C for"),
    ("Groups C and F9 of the threat cases, for", "CASE-C and CASE-F9 for"),
    ("Officer tokens, group D of threats.md: a", "Officer tokens (CASE-D): a"),
    # Of what was measured.
    ("limits.md shows why: hand-overs", "MEASURED-2 shows why: hand-overs"),
    ("(limits.md: half of a careless exchange)", "(MEASURED-2)"),
    ("(limits.md, finding 6)", "(MEASURED-6)"),
    ("(limits.md, h)", "(MEASURED-11)"),
    ("the machine of `limits.md` (16", "the machine of the [first prototypes](facts.md) (16"),
    ("the time of those of `limits.md` and", "the time of those of the [first prototypes](facts.md) and"),
    # Of the domain.
    ("(domain.md: `valid_until` is mandatory)", "(domain, section 2.1: `valid_until` is mandatory)"),
    ("held to (section 11)", "held to (design, section 11)"),
    ("(design, 11)", "(design, section 11)"),
    # Documents.
    ("threats.md (G20) asks for", "CASE-G20 asks for"),
    ("The duties of logs (domain.md) want that", "The duties of the log want that"),
    ("(decision 18)", "(decision 0018)"),
    ("(decision 27)", "(decision 0027)"),
    (
        "and issue 3 asks for encryption at rest if so configured",
        "and it has to be encrypted at rest where a setting says so",
    ),
    # The test of the tables in the threat model.
    ('r"^\\| ([A-Z][0-9]+) \\| (.+) \\|$", section', 'r"^\\| (?:CASE|DUTY)-([A-Z][0-9]+) \\| (.+) \\|$", section'),
    ('re.findall(r"def (test_l\\d+_\\w+)", (', 're.findall(r"def (test_duty_l\\d+_\\w+)", ('),
    ('name.removeprefix("test_").partition', 'name.removeprefix("test_duty_").partition'),
    # Ids of parameters in a list that no formatter touches.
    (
        'ids=["G1, G6 an entry is changed", "G2 the last one is gone", "G3 a middle one is gone", '
        '"G4 one is inserted", "G5 two are swapped"],',
        'ids=["CASE-G1, CASE-G6 an entry is changed", "CASE-G2 the last one is gone", "CASE-G3 a middle one is gone",\n'
        '         "CASE-G4 one is inserted", "CASE-G5 two are swapped"],',
    ),
    (
        'ids=["A8 no EKU", "client EKU only", "A9 CN = member", "A9 CN = name", "two URIs", '
        '"other member", "other use", "trailing slash", "capitals"],',
        'ids=["CASE-A8 no EKU", "client EKU only", "CASE-A9 CN = member", "CASE-A9 CN = name", "two URIs",\n'
        '         "other member", "other use", "trailing slash", "capitals"],',
    ),
)  # fmt: skip

_GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:#[ \t]*)?)"
_CODE = r"[A-L]\d{1,2}"
_NOT_BEFORE = r"(?:(?<=\"\"\")|(?<![\w`'\"./=#&-]))"
_NOT_AFTER = r"(?![\w`'\"-])"


def rewrite(root: Path = ROOT) -> list[str]:
    """Change the files below `root`; returns what it did and what is left to do by hand, a line each."""
    said = []
    for path in cited_files(root):
        old = path.read_text(encoding="utf-8")
        new = rewrite_python(old) if path.suffix == ".py" else old
        if path.suffix == ".md" and path.name not in _NEW_PAGES and path.name != "CHANGELOG.md":
            new = rewrite_page(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            said.append(f"changed {path.relative_to(root).as_posix()}")
        if path.suffix == ".py":
            said += [
                f"by hand {path.relative_to(root).as_posix()}:{number}: {len(line)} characters"
                for number, line in enumerate(new.splitlines(), 1)
                if len(line) > WIDTH and line not in old
            ]
    return said


def rewrite_python(source: str) -> str:
    """A module with citations of the new form in comments, docstrings and ids of parameters."""
    phrased = _duty_names(_phrases(source))
    changed = phrased
    for start, part in reversed(prose_of(phrased)):
        changed = changed[:start] + rewrite_prose(part) + changed[start + len(part) :]
    changed = _rewrite_ids(changed)
    return source if changed == source else _wrapped(changed)


def rewrite_page(text: str) -> str:
    """A document with citations of the new form."""
    changed = _duty_names(_phrases(text))
    head, mark, duties = changed.partition("\n## Duties of the log")
    head = re.sub(rf"^\| ({_CODE}) \|", r"| CASE-\1 |", head, flags=re.MULTILINE)
    duties = re.sub(r"^\| (L\d{1,2}) \|", r"| DUTY-\1 |", duties, flags=re.MULTILINE)
    changed = _papers(head + mark + duties)
    if "# 0027: pruning" in changed:
        changed = re.sub(rf"{_NOT_BEFORE}(L\d{{1,2}}){_NOT_AFTER}", r"DUTY-\1", changed)
    return changed


def rewrite_prose(text: str) -> str:
    """A comment or docstring with citations of the new form."""
    text = re.sub(rf"\b([Dd]esign),?{_GAP}section(s?){_GAP}(?=\d)", r"\1, section\2 ", text)
    return re.sub(rf"{_NOT_BEFORE}({_CODE}){_NOT_AFTER}", r"CASE-\1", _papers(text))


def _papers(text: str) -> str:
    # `(threats.md,` at the end of a line: its parenthesis goes to the next line, where the case stands.
    text = re.sub(r" \((threats|domain)\.md,[ \t]*\n([ \t]*(?:#[ \t]*)?)", r"\n\2(\1.md, ", text)
    text = re.sub(r"\bdomain\.md,? 6\.1, rules (\d+) and (\d+)", r"RULE-NAMES-\1 and RULE-NAMES-\2", text)
    text = re.sub(r"\bdomain\.md,? 6\.1, rule (\d+)", r"RULE-NAMES-\1", text)
    text = re.sub(r"\bdomain\.md,? 3\.1, rule (\d+)", r"RULE-MARKING-\1", text)
    text = re.sub(r"\bdomain\.md,? (\d(?:\.\d)?) and (\d(?:\.\d)?)", r"domain, sections \1 and \2", text)
    text = re.sub(r"\bdomain\.md,? (?:section )?(\d(?:\.\d)?)", r"domain, section \1", text)
    text = re.sub(r"\bdomain\.md,? ((?:L\d+(?:, )?)+)", lambda found: re.sub(r"L\d", r"DUTY-\g<0>", found[1]), text)
    return re.sub(rf"\bthreats\.md,?{_GAP}((?:{_ITEM})(?:(?:, |; | and | to )(?:{_ITEM}))*)", _threats, text)


_ITEM = rf"(?:facts? )?\d{{1,2}}\b|(?:case )?(?:{_CODE}|T\d{{1,2}})\b|groups? [A-L]\b(?: and [A-L]\b)?|[A-L]\b"


def _threats(found: re.Match[str]) -> str:
    listed = re.sub(r"\bfact (\d+)", r"FACT-\1", found[1])
    listed = re.sub(r"\bgroups ([A-L]) and ([A-L])\b", r"CASE-\1 and CASE-\2", listed)
    listed = re.sub(r"\bT(\d+)\b", r"THREAT-T\1", listed)
    return re.sub(r"(?<![\w-])(?:case |group )?([A-L](?:\d{1,2})?)\b", r"CASE-\1", listed)


def _phrases(text: str) -> str:
    for old, new in _PHRASES:
        words = r"[ \t]*\n[ \t]*(?:#[ \t]*)?|[ \t]+"
        pattern = f"(?:{words})".join(re.escape(word) for word in old.split(" "))
        text = re.sub(pattern, lambda found, new=new: _broken_alike(found[0], new), text)  # type: ignore[misc]
    return text


def _broken_alike(old: str, new: str) -> str:
    """`new` with a line break after as many words as `old` has one; a `new` with breaks of its own keeps those."""
    match = re.search(r"[ \t]*(\n[ \t]*(?:#[ \t]*)?)", old)
    if not match or "\n" in new:
        return new
    words, before = new.split(" "), len(old[: match.start()].split())
    before = min(before, len(words) - 1)
    return " ".join(words[:before]) + match[1] + " ".join(words[before:])


def _duty_names(text: str) -> str:
    for name in DUTY_TESTS:
        text = re.sub(rf"\b{name}" if name.endswith("_") else rf"\b{name}\b", name.replace("test_", "test_duty_"), text)
    return text


def _rewrite_ids(source: str) -> str:
    """Ids of parameters, and the cases of one test that are called by their codes."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    strings = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ("id", "ids"):
                    strings += [leaf for leaf in ast.walk(keyword.value) if isinstance(leaf, ast.Constant)]
            if "def test_g2_g3_g5_rows_are_deleted_or_swapped" in source:
                strings += [
                    item.elts[0]
                    for argument in node.args
                    if isinstance(argument, ast.List)
                    for item in argument.elts
                    if isinstance(item, ast.Tuple) and isinstance(item.elts[0], ast.Constant)
                ]
    for string in sorted(strings, key=lambda leaf: (-leaf.lineno, -leaf.col_offset)):
        if not isinstance(string.value, str) or string.lineno != string.end_lineno or string.end_col_offset is None:
            continue
        row = lines[string.lineno - 1].encode()
        old = row[string.col_offset : string.end_col_offset].decode()
        new = re.sub(rf"(?<=^\")({_CODE})(?=[ ,\"-])|(?<=, )({_CODE})(?= )|(?<=\()({_CODE})(?=\))", r"CASE-\g<0>", old)
        lines[string.lineno - 1] = row[: string.col_offset].decode() + new + row[string.end_col_offset :].decode()
    return "".join(lines)


def _wrapped(source: str) -> str:
    """Lines of comments and docstrings that became too long are broken, and what is over goes to the next line."""
    for _ in range(200):
        lines = source.split("\n")
        prose = _prose_lines(source)
        long = next((at for at, line in enumerate(lines) if len(line) > WIDTH and at in prose), None)
        if long is None:
            break
        line = lines[long]
        lead = re.match(r"[ \t]*(?:#:?[ \t]*)?", line)
        indent = lead[0] if lead else ""
        cut = line.rfind(" ", len(indent), WIDTH + 1)
        while re.search(r"(?:sections?|[Dd]ecisions?|[Dd]esign,|[Dd]omain,)$", line[:cut]):
            cut = line.rfind(" ", len(indent), cut)
        if cut <= len(indent):
            break
        lines[long], rest = line[:cut].rstrip(), line[cut + 1 :]
        below = lines[long + 1] if long + 1 < len(lines) else ""
        text = below.strip()
        joins = long + 1 in prose and below.startswith(indent) and re.match(r"[\w`(*]", below[len(indent) :])
        if joins and not rest.endswith('"""') and not re.match(r"\d+\. |[-*] |\"\"\"", text):
            lines[long + 1] = f"{indent}{rest} {below[len(indent) :]}"
        else:
            lines.insert(long + 1, f"{indent}{rest}")
        source = "\n".join(lines)
    return source


def _prose_lines(source: str) -> set[int]:
    """Numbers of lines, from 0, that hold nothing but a comment or a docstring."""
    found = set()
    for start, part in prose_of(source):
        first = source.count("\n", 0, start)
        before = source[source.rfind("\n", 0, start) + 1 : start]
        if not before.strip():
            found |= set(range(first, first + part.count("\n") + 1))
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    done = rewrite(where)
    left = find_unresolved(where)
    print("\n".join([*done, *(f"unresolved {line}" for line in left)]))
    print(f"{sum(line.startswith('changed') for line in done)} files changed, {len(left)} citations unresolved")
