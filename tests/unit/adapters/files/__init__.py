"""Tests: adapters files."""
