"""Tests of `gateway.host`."""
