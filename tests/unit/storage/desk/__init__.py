"""Tests of `gateway.storage.desk`."""
