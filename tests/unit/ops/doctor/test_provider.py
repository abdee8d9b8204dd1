"""Without OpenSSL's provider a key of TLS in a security module is of no use, and that is what the doctor says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.federation import make_federation
from tests.support.module_node import command, move_keys
from tests.support.security_module import make_token

pytestmark = pytest.mark.process


async def test_a_missing_provider_is_named_and_no_key_is_to_be_moved_away(tmp_path: Path) -> None:  # CASE-N215
    token, home = make_token(tmp_path / "token"), make_federation(tmp_path)["th"].home
    (home / "node.toml").write_text('[node]\nmember = "th"\n')
    move_keys(home, token, ("statement", "tls"))
    (tmp_path / "none").mkdir()
    environment = token.environment | {"OPENSSL_MODULES": str(tmp_path / "none")}
    code, printed = await command(environment, "doctor", "--home", home)
    assert code == 1
    assert "OpenSSL's provider `pkcs11` cannot be loaded" in printed
    assert "apt-get install pkcs11-provider" in printed
    assert "tls.key" not in printed
    code, printed = await command(environment, "serve", "--home", home)
    assert "provider `pkcs11` cannot be loaded" in printed
    assert "apt-get install pkcs11-provider" in printed
