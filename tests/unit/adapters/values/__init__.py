"""Tests: adapters values."""
