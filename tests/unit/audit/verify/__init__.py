"""Tests of `gateway.audit.verify`."""
