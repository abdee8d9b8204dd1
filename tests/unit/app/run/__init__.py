"""Tests: app run."""
