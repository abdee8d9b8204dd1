"""Tests of `gateway.exchange.receipts`."""
