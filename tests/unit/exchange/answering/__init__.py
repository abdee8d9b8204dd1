"""Tests of `gateway.exchange.answering`."""
