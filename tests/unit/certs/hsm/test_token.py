"""A module that is lost: no signature of it leaves, and the process that asked to end ends.

Each case has a process of its own, since a lost module stays lost for its process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.security_module import LABEL, PIN, Token, make_token

pytestmark = pytest.mark.process

_HEAD = """
import os, shutil, sys
from pathlib import Path
from certs.hsm import token as module
from certs.hsm.keys import self_test
from certs.hsm.uri import parse_uri
from gateway.errors import Unavailable
from gateway.signing.multi_buffer.batch import sign_batch
from gateway.signing.keys import load_signing_key

def key():
    return load_signing_key(parse_uri(sys.argv[1]))

def refused(work):
    try:
        work()
    except Unavailable as error:
        assert error.code == "module-lost", error.code
        return error.message
    raise SystemExit("it signed")
"""

_SWAP = f"""
import sys
import pkcs11
from pkcs11 import Attribute, ObjectClass

token = pkcs11.lib(sys.argv[2]).get_token(token_label={LABEL!r})
with token.open(rw=True, user_pin={PIN!r}) as session:
    right, wrong = (session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=name) for name in ("right", "wrong"))
    copy = {{name: wrong[name] for name in (Attribute.KEY_TYPE, Attribute.EC_PARAMS, Attribute.EC_POINT)}}
    copy |= {{Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: "right", Attribute.TOKEN: True}}
    copy |= {{Attribute.ID: right[Attribute.ID], Attribute.VERIFY: True}}
    right.destroy()
    session.create_object(copy)
"""
"""Puts the public half of another key beside a private key: what that key signs does not fit."""

CASES = {
    "garbage": """
assert "does not fit its key" in refused(key)
assert "does not fit its key" in refused(lambda: load_signing_key(parse_uri(sys.argv[1].replace("right", "wrong"))))
""",
    "gone": """
signing = key()
shutil.rmtree(sys.argv[3])
refused(lambda: signing.sign(b"x"))
assert all(isinstance(made, Unavailable) for made in sign_batch([(signing, b"x")] * 4))
refused(self_test)
""",
    "ends": """
signing = key()
module.when_lost(lambda error: os._exit(70))
shutil.rmtree(sys.argv[3])
self_test()
""",
    "hangs": """
signing = key()
module.ANSWER_S = 0.2
module.module_lock().acquire()
assert "does not answer" in refused(lambda: signing.sign(b"x"))
refused(lambda: signing.sign(b"x"))
""",
}


@pytest.mark.parametrize("case", CASES)
def test_a_lost_module_signs_nothing_more(tmp_path: Path, case: str) -> None:
    token: Token = make_token(tmp_path / "token")
    token.make("right")
    token.make("wrong")
    if case == "garbage":
        run(token, _SWAP)
    run(token, _HEAD + CASES[case], 70 if case == "ends" else 0)


def run(token: Token, program: str, ends_with: int = 0) -> None:
    """Run a program in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", program, token.full_uri("right"), token.library, str(token.objects)],
        env=os.environ | {"SOFTHSM2_CONF": token.environment["SOFTHSM2_CONF"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == ends_with, ran.stderr
