"""Tests of `gateway.storage.files`."""
