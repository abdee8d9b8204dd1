"""Tests of `adapters.sql`."""
