"""Tests: adapters mapping."""
