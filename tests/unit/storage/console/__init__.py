"""Tests of `gateway.storage.console`."""
