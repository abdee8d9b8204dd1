"""Tests: adapters draft."""
