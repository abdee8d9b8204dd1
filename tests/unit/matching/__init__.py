"""Tests of `gateway.matching`."""
