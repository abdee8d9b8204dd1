"""Tests of `gateway.trust.ceremony`."""
