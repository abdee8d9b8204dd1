"""Tests: trust documents."""
