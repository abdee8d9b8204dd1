"""Tests of `gateway.exchange.workers`."""
