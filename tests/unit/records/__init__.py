"""Tests of `gateway.records`."""
