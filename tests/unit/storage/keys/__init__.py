"""Tests of `gateway.storage.keys`."""
