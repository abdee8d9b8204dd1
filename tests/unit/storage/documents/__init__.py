"""Tests of `gateway.storage.documents`."""
