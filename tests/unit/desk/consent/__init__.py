"""Tests of `gateway.desk.consent`."""
