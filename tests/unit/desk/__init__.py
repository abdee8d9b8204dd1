"""Tests of `gateway.desk`."""
