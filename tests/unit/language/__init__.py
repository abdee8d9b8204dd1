"""Tests of `gateway.language`."""
