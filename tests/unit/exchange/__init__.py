"""Tests of `gateway.exchange`."""
