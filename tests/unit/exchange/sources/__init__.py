"""Tests of `gateway.exchange.sources`."""
