"""Tests: federation."""
