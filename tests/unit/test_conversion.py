"""Types are learnt while modules are imported: threads that taught msgspec one at once crashed a node."""

from __future__ import annotations

import ast
import subprocess
import sys

import msgspec
import pytest

from gateway.conversion import converter
from gateway.model.search import Search
from tests.support.shared import PROJECT

_PROGRAM = """\
import sys, threading
from gateway.exchange.asking.searches import decode_search, encode_search
from gateway.model.exchange import Outcome
from gateway.model.hit import Quality
from gateway.model.names import MemberId
from gateway.model.search import Line, Search, ShownHit, ShownRecord

record = ShownRecord("vn.immigration", False, {"status": "STOLEN"}, {}, 3, "a.b.c~")
hit = ShownHit("ref", Quality.EXACT_ID, "TravelDocument", ("number",), "", record)
line = Line(MemberId("vn"), Outcome.HIT, (hit,) * 3, exchange_id="ab" * 16)
stored = encode_search(Search("s1", "th.o.1042", 5, True, (), (line,) * 4))
together = threading.Barrier(12)

def read():
    together.wait()
    for _ in range(30):
        assert decode_search(stored).lines == (line,) * 4

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=read) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.process
@pytest.mark.long
def test_many_threads_that_read_the_first_stored_search_do_not_crash_the_process() -> None:
    environment = {"PYTHONPATH": ":".join(part for part in sys.path if part)}
    for _ in range(3):
        ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=False, env=environment)
        assert ran.returncode == 0, ran.stderr


def test_a_converter_says_what_does_not_fit() -> None:
    with pytest.raises(msgspec.ValidationError):
        converter(Search)({"id": 1})


def _teaches(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    is_typed = len(call.args) > 1 or any(keyword.arg == "type" for keyword in call.keywords)
    return name.startswith("msgspec.") and (
        name.endswith("Decoder") or (is_typed and name.endswith(("convert", "decode")))
    )


@pytest.mark.long
def test_only_a_converter_teaches_msgspec_a_type() -> None:
    found = set()
    for folder in ("gateway", "adapters", "bridges", "policy", "certs"):
        for path in (PROJECT / folder).rglob("*.py"):
            text = path.read_text()
            if "msgspec" not in text:
                continue
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            if any(map(_teaches, calls)):
                found.add(str(path.relative_to(PROJECT)))
    assert found == {"gateway/conversion.py"}
