"""Tests: adapters remote."""
