"""Tests of `gateway.audit.retention`."""
