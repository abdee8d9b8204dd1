"""Tests of `gateway.exchange.asking`."""
