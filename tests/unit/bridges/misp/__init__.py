"""Tests: the bridge to MISP."""
