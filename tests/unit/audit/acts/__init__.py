"""Tests of `gateway.audit.acts`."""
