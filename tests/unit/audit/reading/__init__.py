"""Tests of `gateway.audit.reading`."""
