"""Tests of `gateway.records.identifiers`."""
