"""Decide: base and national policy apart, and both must allow."""
