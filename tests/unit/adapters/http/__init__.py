"""Tests: adapters http."""
