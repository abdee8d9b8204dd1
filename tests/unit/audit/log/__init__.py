"""Tests of `gateway.audit.log`."""
