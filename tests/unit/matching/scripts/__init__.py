"""Tests of `gateway.matching.scripts`."""
