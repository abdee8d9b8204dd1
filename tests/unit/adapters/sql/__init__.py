"""Tests: adapters sql."""
