"""Tests of the gateway, and what measures, attacks and releases it (docs/testing.md)."""
