"""Tests of `gateway.signing.passkeys`."""
