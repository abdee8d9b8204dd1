"""Tests of `gateway.storage.log`."""
