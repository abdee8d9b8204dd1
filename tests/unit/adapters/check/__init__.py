"""Tests: adapters check."""
