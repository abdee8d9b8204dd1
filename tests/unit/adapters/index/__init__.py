"""Tests: adapters index."""
