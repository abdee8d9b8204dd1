"""Tests of `gateway.audit.accounts`."""
