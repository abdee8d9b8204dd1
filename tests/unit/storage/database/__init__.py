"""Tests of `gateway.storage.database`."""
