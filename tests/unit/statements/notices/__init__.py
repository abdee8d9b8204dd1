"""Tests of `gateway.statements.notices`."""
